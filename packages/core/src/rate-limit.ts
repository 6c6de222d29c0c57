/** A token bucket: lets `perSecond` acts a second through on average, and twice that at once after a pause. */
export class RateLimit {
  #tokens = -1;
  #filledAtMs = 0;

  /**
   * Takes one token; false when there is none left. `nowMs` is monotonic. The rate is given each time, so that a changed
   * setting holds at once; 0 means no limit. `burst`: how many may pass at once after a pause.
   */
  take(perSecond: number, nowMs: number, burst = perSecond * 2): boolean {
    if (perSecond === 0) return true;
    const filled = this.#tokens < 0 ? burst : this.#tokens + ((nowMs - this.#filledAtMs) * perSecond) / 1000;
    this.#tokens = Math.min(filled, burst);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
