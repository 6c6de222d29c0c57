import type { Channel } from "./channel.ts";
import type { Hub } from "./hub.ts";
import type { Clock, Timer } from "./ports/clock.ts";

/** What a LossNotice stands on. */
export interface LossNoticeOptions {
  readonly hub: Hub;
  readonly clock: Clock;
  /** The node's channels. */
  readonly channels: () => Iterable<Channel>;
}

/** Channels whose subscribers are told in one turn of the event loop. */
const AT_ONCE = 500;

/**
 * Tells the subscribers of channels without history that something may be lost on them, because the node was cut off from the
 * bus: nobody keeps what was published meanwhile.
 */
export class LossNotice {
  readonly #options: LossNoticeOptions;
  #left: Iterator<Channel> | null = null;
  #timer: Timer | null = null;

  constructor(options: LossNoticeOptions) {
    this.#options = options;
  }

  /** Begins to tell, a few hundred channels a turn. One that is under way begins anew. */
  begin(): void {
    this.#left = [...this.#options.channels()][Symbol.iterator]();
    this.#timer ??= this.#options.clock.after(0, () => this.#tellSome());
  }

  /** Lets go of the timer. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #tellSome(): void {
    this.#timer = null;
    for (let count = 0; count < AT_ONCE; count++) {
      const next = this.#left?.next();
      if (next === undefined || next.done === true) return;
      const channel = next.value;
      if (channel.log === null && channel.state !== "released") this.#options.hub.announceGap(channel);
    }
    this.#timer = this.#options.clock.after(0, () => this.#tellSome());
  }
}
