import type { Clock, Timer } from "@carillon/core";

/** What can run out of time. */
export interface Expirable {
  /** The tick in which it began, as {@link PendingExchanges.tick} said. */
  readonly startedTick: number;
  /** Called once, when its time is over; it has been forgotten by then. */
  expire(): void;
}

/** Ticks in one timeout: an exchange is given up between one timeout and one and a quarter. */
const TICKS_PER_TIMEOUT = 4;

/**
 * The requests whose handlers have not answered yet. One timer serves all of them: a timer for each request would cost more
 * than the rest of a small one. There are never more of them than connections, because uWebSockets.js cuts a client that
 * sends a second request before the first is answered.
 */
export class PendingExchanges {
  // In the order of their beginning, so a sweep stops at the first one that is young enough.
  readonly #exchanges = new Set<Expirable>();
  readonly #timer: Timer;
  #tick = 0;

  constructor(options: { readonly clock: Clock; readonly timeoutMs: number }) {
    this.#timer = options.clock.every(options.timeoutMs / TICKS_PER_TIMEOUT, () => this.#sweep());
  }

  get tick(): number {
    return this.#tick;
  }

  get size(): number {
    return this.#exchanges.size;
  }

  add(exchange: Expirable): void {
    this.#exchanges.add(exchange);
  }

  delete(exchange: Expirable): void {
    this.#exchanges.delete(exchange);
  }

  close(): void {
    this.#timer.cancel();
  }

  #sweep(): void {
    this.#tick += 1;
    for (const exchange of this.#exchanges) {
      if (this.#tick - exchange.startedTick <= TICKS_PER_TIMEOUT) return;
      this.#exchanges.delete(exchange);
      exchange.expire();
    }
  }
}
