import { clearInterval, clearTimeout, setInterval, setTimeout } from "k6/timers";

const CHECK_MS = 250;

/** Timers that end together. */
export class Timers {
  readonly #timers = new Set<number>();

  /** Does `act` every `ms`, until the timer that is returned is stopped. */
  every(ms: number, act: () => void): number {
    const timer = setInterval(act, ms);
    this.#timers.add(timer);
    return timer;
  }

  /** Does `act` once, in `ms`. */
  in(ms: number, act: () => void): void {
    this.#timers.add(setTimeout(act, ms));
  }

  /** Does `act` once `isSo`, or when it is `latestMs`. */
  when(isSo: () => boolean, latestMs: number, act: () => void): void {
    const timer = this.every(CHECK_MS, () => {
      if (!isSo() && Date.now() < latestMs) return;
      this.stop(timer);
      act();
    });
  }

  stop(timer: number): void {
    clearInterval(timer);
    this.#timers.delete(timer);
  }

  stopAll(): void {
    for (const timer of this.#timers) {
      clearInterval(timer);
      clearTimeout(timer);
    }
    this.#timers.clear();
  }
}
