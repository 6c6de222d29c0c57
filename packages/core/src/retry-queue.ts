import type { Clock, Timer } from "./ports/clock.ts";

const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 10_000;

/** What a RetryQueue stands on. */
export interface RetryQueueOptions<T> {
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  /** Tries again. What fails is added anew by whoever sees it fail. */
  readonly retry: (item: T) => void;
}

/** What is to be tried again: each once, all together, after a jittered delay that grows to 10 seconds until something succeeds. */
export class RetryQueue<T> {
  readonly #options: RetryQueueOptions<T>;
  readonly #items = new Set<T>();
  #timer: Timer | null = null;
  #delayMs = FIRST_DELAY_MS;

  constructor(options: RetryQueueOptions<T>) {
    this.#options = options;
  }

  add(item: T): void {
    this.#items.add(item);
    if (this.#timer !== null) return;
    const { clock, random, retry } = this.#options;
    const delayMs = this.#delayMs * (0.5 + random());
    this.#delayMs = Math.min(this.#delayMs * 2, LAST_DELAY_MS);
    this.#timer = clock.after(delayMs, () => {
      this.#timer = null;
      const items = [...this.#items];
      this.#items.clear();
      for (const each of items) retry(each);
    });
  }

  /** Something succeeded: the next delay is short again. */
  succeeded(): void {
    this.#delayMs = FIRST_DELAY_MS;
  }

  /** Forgets everything, and lets go of the timer. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#items.clear();
  }
}
