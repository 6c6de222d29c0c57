const LOG_INTERVAL_MS = 10_000;

/**
 * For what may have to be told very often, such as a permission that is missing for each message: the first time at once, as whatever is
 * another thing than the one before, then at most every ten seconds, with the number in between.
 */
export class SparseLog {
  #what = "";
  #quietUntilMs = 0;
  #suppressed = 0;

  /** `say` is called with how often nothing was said since the last time, if it is time. `nowMs` is monotonic. */
  note(what: string, nowMs: number, say: (suppressed: number) => void): void {
    if (what === this.#what && nowMs < this.#quietUntilMs) {
      this.#suppressed++;
      return;
    }
    this.#what = what;
    this.#quietUntilMs = nowMs + LOG_INTERVAL_MS;
    say(this.#suppressed);
    this.#suppressed = 0;
  }
}
