import type { Channel } from "./channel.ts";
import type { HistoryKeeper } from "./history-keeper.ts";
import type { Clock, Timer } from "./ports/clock.ts";

/** What a HistorySweep stands on. */
export interface HistorySweepOptions {
  readonly keeper: HistoryKeeper;
  readonly clock: Clock;
  /** The node's channels. */
  readonly channels: () => Iterable<Channel>;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
}

/** Reads that are under way at a time: a fraction of what a node may have, so that nobody waits behind a sweep. */
const AT_ONCE = 16;
/** Servers that are together again tell each other of all interest before anything can be lost no more; and nodes take turns. */
const SETTLE_MS = 1000;

/**
 * Looks once whether anything was lost on the way to this node that nothing later has shown: the last event of a quiet channel,
 * published while servers of the bus were apart. Costs one read of the store for each channel with history.
 */
export class HistorySweep {
  readonly #options: HistorySweepOptions;
  #timer: Timer | null = null;
  #isRunning = false;
  #isWanted = false;
  #isClosed = false;

  constructor(options: HistorySweepOptions) {
    this.#options = options;
  }

  /** Begins shortly. While one is under way, another one follows it. */
  begin(): void {
    this.#isWanted = true;
    this.#schedule();
  }

  /** Lets go of the timer, and ends what is under way. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (!this.#isWanted || this.#isRunning || this.#timer !== null || this.#isClosed) return;
    const { clock, random } = this.#options;
    this.#timer = clock.after(SETTLE_MS * (1 + random()), () => {
      this.#timer = null;
      this.#isWanted = false;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    const { channels, clock } = this.#options;
    this.#isRunning = true;
    const startMs = clock.monotonic();
    // One walk that all workers share; a channel that goes meanwhile is passed over.
    const walk = [...channels()][Symbol.iterator]();
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.#work(walk, startMs)));
    this.#isRunning = false;
    this.#schedule();
  }

  async #work(walk: Iterable<Channel>, startMs: number): Promise<void> {
    const { keeper } = this.#options;
    for (const channel of walk) {
      const { log } = channel;
      if (this.#isClosed) return;
      // Others begin with a read anyway, or had one since.
      if (log?.state === "following" && log.checkedAtMs < startMs) await keeper.refresh({ channel, log }, true);
    }
  }
}
