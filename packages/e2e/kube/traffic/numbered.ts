import { count, type Tally } from "./tally.ts";

/** Follows the numbers that one client gets on one channel: they must come one after the other. */
export class Numbered {
  readonly #tally: Tally;
  readonly #hasHistory: boolean;
  #last: number | null = null;
  /** What the client was told last, until the next number shows whether it was true. */
  #told: "recovered" | "gap" | null = null;

  constructor(tally: Tally, hasHistory: boolean) {
    this.#tally = tally;
    this.#hasHistory = hasHistory;
  }

  /** The newest number; null before the first. */
  get last(): number | null {
    return this.#last;
  }

  /** The client was told that everything it missed follows. */
  onRecovered(): void {
    if (this.#last === null) return;
    this.#told = "recovered";
    if (this.#hasHistory) this.#tally.recovered++;
  }

  /** The client was told that something may be missing. */
  onGap(reason: string): void {
    if (this.#last === null) return;
    this.#told = "gap";
    if (this.#hasHistory) count(this.#tally.gaps, reason);
  }

  onNumber(number: number): void {
    const tally = this.#tally;
    tally.delivered++;
    const last = this.#last;
    if (last !== null && number <= last) {
      if (this.#hasHistory) tally.repeated++;
      return;
    }
    this.#last = number;
    if (last !== null && number > last + 1) this.#onHole(number - last - 1);
    this.#told = null;
  }

  /** Nothing comes any more, and this was the last. */
  onEnd(last: number): void {
    if (this.#last === null || last <= this.#last) return;
    this.#onHole(last - this.#last);
    this.#last = last;
  }

  #onHole(size: number): void {
    if (!this.#hasHistory) {
      this.#tally.missedWithoutHistory += size;
      return;
    }
    this.#tally.missed += size;
    if (this.#told === "recovered") this.#tally.falselyRecovered++;
  }
}
