import { CarillonError } from "./carillon-error.ts";

/** How long a call may take, and who may end it sooner. */
export interface DeadlineOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a timer can hold; one for longer would run at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The time of one call with all of its repeats. To be ended, so that its timer keeps no process alive. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #endMs: number;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #abort = (): void => this.#controller.abort();

  constructor({ timeoutMs, signal }: DeadlineOptions) {
    this.#timeoutMs = timeoutMs;
    this.#outer = signal;
    this.#endMs = Date.now() + timeoutMs;
    this.#timer = setTimeout(this.#abort, Math.min(timeoutMs, MAX_TIMER_MS));
    // By hand: `AbortSignal.any` is missing on some platforms.
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener("abort", this.#abort);
  }

  /** Ends whatever waits when the time is up. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get remainingMs(): number {
    return this.#endMs - Date.now();
  }

  /** Why there is no time left; null while there is. */
  error(cause?: unknown): CarillonError | null {
    if (this.#outer?.aborted) {
      return new CarillonError("aborted", "the call was aborted by its signal", { cause: this.#outer.reason ?? cause });
    }
    if (!this.#controller.signal.aborted) return null;
    const message = `no answer within ${this.#timeoutMs} ms, so whether the call had its effect is not known`;
    return new CarillonError("timeout", `${message}: raise timeoutMs, or look at the way to the publish API`, {
      cause,
    });
  }

  /** Waits so long, or until the time is up. */
  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#controller;
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, delayMs);
      if (signal.aborted) done();
      else signal.addEventListener("abort", done);
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#abort);
  }
}
