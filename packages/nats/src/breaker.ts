/**
 * Spares callers the wait for an answer that won't come: once an act has failed, one at a time is let through to see whether
 * that is over, and everybody else is refused at once until one succeeds.
 */
export class Breaker {
  #hasFailed = false;
  #isProbing = false;

  /** Runs `act` and settles like it, or rejects with what `onRefused` gives. */
  async run<T>(act: () => Promise<T>, onRefused: () => Error): Promise<T> {
    if (this.#hasFailed && this.#isProbing) throw onRefused();
    const isProbe = this.#hasFailed;
    if (isProbe) this.#isProbing = true;
    try {
      const result = await act();
      this.#hasFailed = false;
      return result;
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    } finally {
      if (isProbe) this.#isProbing = false;
    }
  }

  /** Something has changed for the better: everybody is let through again. */
  reset(): void {
    this.#hasFailed = false;
  }
}
