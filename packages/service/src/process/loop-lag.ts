import type { Clock, Timer } from "@carillon/core";

/** How often the loop is to come by, in ms. Shorter ones would wake an idle process more often than they tell. */
const PERIOD_MS = 50;

/**
 * Measures how long the turns of the event loop are, by a timer that wants to run twenty times a second. (The delay monitor of Node forgets the turn that is under
 * way whenever it is read: it would miss every second one of a loop that is held up for good.)
 */
export class LoopLag {
  readonly #clock: Clock;
  readonly #timer: Timer;
  #ranAtMs: number;
  #sumMs = 0;
  #sumOfSquares = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ranAtMs = clock.monotonic();
    this.#timer = clock.every(PERIOD_MS, () => this.#note());
  }

  /**
   * By how much the turn of the loop is too long in which an event falls that comes at any time since the last reading, in ms. (The plain mean of all
   * turns would hide a pause of a second behind twenty short ones, though most events of that time waited for it.)
   */
  read(): number {
    const underWayMs = this.#clock.monotonic() - this.#ranAtMs;
    const sumMs = this.#sumMs + underWayMs;
    const turnMs = sumMs === 0 ? 0 : (this.#sumOfSquares + underWayMs ** 2) / sumMs;
    this.#sumMs = 0;
    this.#sumOfSquares = 0;
    return Math.max(0, turnMs - PERIOD_MS);
  }

  /** Ends the measuring. */
  close(): void {
    this.#timer.cancel();
  }

  #note(): void {
    const nowMs = this.#clock.monotonic();
    const turnMs = nowMs - this.#ranAtMs;
    this.#ranAtMs = nowMs;
    this.#sumMs += turnMs;
    this.#sumOfSquares += turnMs ** 2;
  }
}
