import type { Clock } from "@carillon/core";
import type { HttpAnswer } from "@carillon/service";

/** How long an answer is given again, in ms. */
export const FRESH_MS = 1000;

/** Most answers that are kept; the oldest goes first. */
const MAX_ANSWERS = 1000;

/** Most bytes of bodies that are kept. */
const MAX_BYTES = 16 * 1024 * 1024;

interface Entry {
  readonly answer: Promise<HttpAnswer>;
  bytes: number;
  /** Monotonic; null while it is being made. */
  freshUntilMs: number | null;
}

/**
 * The answers of the last second, so that however many ask the same, the gateways are asked once. Whoever asks while an
 * answer is being made waits for that one.
 */
export class RecentAnswers {
  readonly #clock: Clock;
  // In the order in which they were begun.
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The answer to `question`, at most a second old. A rejection is not kept. */
  get(question: string, make: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    const known = this.#entries.get(question);
    if (known !== undefined && this.#isFresh(known)) return known.answer;
    if (known !== undefined) this.#drop(question, known);
    this.#makeRoom();
    const entry: Entry = { answer: make(), bytes: 0, freshUntilMs: null };
    this.#entries.set(question, entry);
    void entry.answer.then(
      ({ status, body }) => {
        if (status === 200) this.#keep(question, entry, body?.length ?? 0);
        else this.#drop(question, entry);
      },
      // Told to whoever waits for it.
      () => this.#drop(question, entry),
    );
    return entry.answer;
  }

  #isFresh({ freshUntilMs }: Entry): boolean {
    return freshUntilMs === null || this.#clock.monotonic() < freshUntilMs;
  }

  #keep(question: string, entry: Entry, bytes: number): void {
    if (this.#entries.get(question) !== entry) return;
    entry.freshUntilMs = this.#clock.monotonic() + FRESH_MS;
    entry.bytes = bytes;
    this.#bytes += bytes;
    this.#makeRoom();
  }

  #drop(question: string, entry: Entry): void {
    if (this.#entries.get(question) !== entry) return;
    this.#entries.delete(question);
    this.#bytes -= entry.bytes;
  }

  /** Lets go of what is fresh no more, and of the oldest where there is too much. */
  #makeRoom(): void {
    for (const [question, entry] of this.#entries) {
      const isOver = this.#entries.size >= MAX_ANSWERS || this.#bytes > MAX_BYTES;
      if (!isOver && this.#isFresh(entry)) return;
      this.#drop(question, entry);
    }
  }
}
