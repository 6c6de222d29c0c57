/**
 * What one app may publish over HTTP here: `perSecond` events a second on average, and twice that at once after a pause.
 *
 * Unlike a plain token bucket it lets a call through whole as soon as one event is due, and takes the rest from the future:
 * a batch larger than the burst passes too, the average holds, and a refused call costs nothing.
 */
export class PublishBudget {
  #events: number | null = null;
  #filledAtMs = 0;

  /**
   * Takes `count` events. Answers 0 when they may go, otherwise after how many ms to try again. `nowMs` is monotonic. The
   * rate is given each time, so that a changed setting holds at once; 0 means no limit.
   */
  spend(count: number, perSecond: number, nowMs: number): number {
    if (perSecond === 0) return 0;
    const burst = perSecond * 2;
    const gained = ((nowMs - this.#filledAtMs) * perSecond) / 1000;
    const available = this.#events === null ? burst : Math.min(burst, this.#events + gained);
    this.#filledAtMs = nowMs;
    this.#events = available < 1 ? available : available - count;
    return available < 1 ? ((1 - available) * 1000) / perSecond : 0;
  }
}
