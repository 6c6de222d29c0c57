import type { BatchMessage } from "./history-batch.ts";

/** What to collect of a channel. */
export interface Goal {
  /** Only what comes after this. */
  readonly after: number;
  /** Only the newest so many. */
  readonly most: number;
  /** Only what was stored since then, in ms since 1970. */
  readonly oldestMs: number;
  /** How many are enough, from the oldest on; null: the newest are wanted. */
  readonly enough: number | null;
  /** Where the channel ends, as far as has to be read. */
  readonly head: number;
}

/** What has been found so far, page by page: of what the goal allows as much as is wanted. */
export class Collected {
  /** Neighbours in the channel, oldest first. */
  readonly found: BatchMessage[] = [];
  /** True when older ones were let go of, as newer ones have all the bytes. */
  isCut = false;
  readonly #goal: Goal;
  readonly #maxBytes: number;
  #bytes = 0;

  /** `maxBytes`: of envelopes; one more is kept. */
  constructor(goal: Goal, maxBytes = Number.POSITIVE_INFINITY) {
    this.#goal = goal;
    this.#maxBytes = maxBytes;
  }

  /** True when what follows isn't wanted. */
  get isEnough(): boolean {
    const { enough } = this.#goal;
    if (enough === null) return false;
    return this.found.length >= enough || (this.found.length > 1 && this.#bytes > this.#maxBytes);
  }

  take(message: BatchMessage): void {
    const { after, most, oldestMs, enough } = this.#goal;
    // Pages are counted at different times: once one is kept, so are all behind it, or there would be a hole.
    const isKept = this.found.length > 0 || (message.pending < most && message.timeMs >= oldestMs);
    if (message.offset <= after || !isKept) return;
    this.found.push(message);
    this.#bytes += message.envelope.length;
    if (enough === null) this.#letGo();
  }

  /** Of those who want the newest the others would only take memory meanwhile. */
  #letGo(): void {
    let count = 0;
    while (this.#bytes > this.#maxBytes && count < this.found.length - 1) {
      this.#bytes -= (this.found[count] as BatchMessage).envelope.length;
      count++;
    }
    if (count === 0) return;
    this.found.splice(0, count);
    this.isCut = true;
  }
}
