import { BusUnavailableError } from "@carillon/core";

/** Most publishes that may wait for an earlier one on their channel. */
const MAX_WAITING = 10_000;

/**
 * Keeps the order of a channel's publishes when they take different ways: one with an idempotency key goes through a stream
 * and takes a millisecond, one without would overtake it. Costs nothing while no publish with a key is on its way.
 */
export class PublishOrder {
  readonly #tails = new Map<string, Promise<void>>();
  #waiting = 0;

  /** True when something is on its way on this subject that later publishes must wait for. */
  isBusy(subject: string): boolean {
    return this.#tails.size > 0 && this.#tails.has(subject);
  }

  /**
   * Runs `act` once everything before it on `subject` is through. Later ones wait for `act` to settle; when it
   * returns `{ sent }` they wait only until it has returned, and the result is what `sent` settles with.
   */
  run<T>(subject: string, act: () => Promise<T> | { readonly sent: Promise<T> }): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      return Promise.reject(new BusUnavailableError("too many publishes wait for NATS; try again later"));
    }
    this.#waiting++;
    const before = this.#tails.get(subject);
    const started = before === undefined ? invoke(act) : before.then(() => invoke(act));
    const outcome = started.then((result) => result.sent);
    const through = started.then(
      (result) => (result.isThrough ? undefined : settled(result.sent)),
      () => undefined,
    );
    const tail = through.then(() => {
      this.#waiting--;
      if (this.#tails.get(subject) === tail) this.#tails.delete(subject);
    });
    this.#tails.set(subject, tail);
    return outcome;
  }

  /** Resolves when all that is on its way now has settled. */
  async whenIdle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }
}

// A promise inside an object is not awaited by the async function that returns it.
async function invoke<T>(
  act: () => Promise<T> | { readonly sent: Promise<T> },
): Promise<{ readonly sent: Promise<T>; readonly isThrough: boolean }> {
  const result = act();
  return "sent" in result ? { sent: result.sent, isThrough: true } : { sent: result, isThrough: false };
}

async function settled(promise: Promise<unknown>): Promise<void> {
  try {
    await promise;
  } catch {
    // Whoever published hears of it; those behind only wait for it to be over.
  }
}
