/** What has something to write. */
export interface Flushable {
  flush(): void;
}

/**
 * Lets connections write once for each turn of the event loop: what comes for one of them in a turn leaves in one write, which
 * costs little more than a single frame does.
 */
export class FlushQueue {
  readonly #onBug: (error: unknown) => void;
  #waiting = new Set<Flushable>();

  /** `onBug` hears of a flush that threw; the others go on. */
  constructor(onBug: (error: unknown) => void) {
    this.#onBug = onBug;
  }

  /** Has it flushed at the end of this turn. */
  add(flushable: Flushable): void {
    if (this.#waiting.size === 0) setImmediate(() => this.#flush());
    this.#waiting.add(flushable);
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const flushable of waiting) {
      try {
        flushable.flush();
      } catch (error) {
        this.#onBug(error);
      }
    }
  }
}
