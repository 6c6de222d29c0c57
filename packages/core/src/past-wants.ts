import type { Channel } from "./channel.ts";
import type { Position } from "./ports/history-store.ts";

/** What the first subscribers of a channel want to see of its past: the first read brings it. */
export interface PastWant {
  readonly since: Position | null;
  readonly newest: number;
}

const NOTHING_WANTED: PastWant = { since: null, newest: 1 };

/** What is wanted of channels whose logs have not begun. */
export class PastWants {
  // Weak: of a channel that the bus refuses nothing is left.
  readonly #wants = new WeakMap<Channel, PastWant>();

  /** Adds what one more subscriber wants. */
  add(channel: Channel, want: Partial<PastWant>): void {
    const { since, newest } = this.#wants.get(channel) ?? NOTHING_WANTED;
    const isOlder =
      want.since != null && (since === null || (want.since.epoch === since.epoch && want.since.offset < since.offset));
    this.#wants.set(channel, {
      since: isOlder ? (want.since ?? null) : since,
      newest: Math.max(newest, want.newest ?? 1),
    });
  }

  /** What suits all of them; from then on nothing is wanted. */
  take(channel: Channel): PastWant {
    const want = this.#wants.get(channel) ?? NOTHING_WANTED;
    this.#wants.delete(channel);
    return want;
  }
}
