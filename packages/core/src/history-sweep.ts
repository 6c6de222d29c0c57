import type { Channel } from "./channel.ts";
import type { HistoryKeeper } from "./history-keeper.ts";
import type { HistoryReader } from "./history-reader.ts";
import type { LoggedChannel } from "./logged-channel.ts";
import type { Clock, Timer } from "./ports/clock.ts";
import { MAX_HEADS, type Position } from "./ports/history-store.ts";

/** What a HistorySweep stands on. */
export interface HistorySweepOptions {
  readonly reader: HistoryReader;
  readonly keeper: HistoryKeeper;
  readonly clock: Clock;
  /** The node's channels. */
  readonly channels: () => Iterable<Channel>;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
}

/** Questions and reads that are under way at a time: a fraction of what a node may have, so that nobody waits behind a sweep. */
const AT_ONCE = 8;
/** Servers that are together again tell each other of all interest before nothing can be lost any more; and nodes take turns. */
const SETTLE_MS = 1000;
/** After a sweep that the store could not answer; doubled up to the second. */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/**
 * Looks whether anything was lost on the way to this node that nothing later has shown: the last event of a quiet channel,
 * published while servers of the bus were apart. Costs one question to the store for some hundred channels, and one read for
 * each that has gone on.
 */
export class HistorySweep {
  readonly #options: HistorySweepOptions;
  #timer: Timer | null = null;
  #isRunning = false;
  /** Since when something may have been lost, monotonic; null when no sweep is wanted. */
  #lossSinceMs: number | null = null;
  /** Counts what began sweeps: an answer to a question from before the newest proves nothing. */
  #doubts = 0;
  #retryMs = FIRST_RETRY_MS;
  #isClosed = false;

  constructor(options: HistorySweepOptions) {
    this.#options = options;
  }

  /** Begins shortly. While one is under way, another one follows it. `lossMs`: how long ago something may have been lost. */
  begin(lossMs: number): void {
    this.#doubts++;
    this.#noteLoss(this.#options.clock.monotonic() - lossMs);
    this.#schedule(SETTLE_MS * (1 + this.#options.random()));
  }

  /** The same, at once. */
  beginNow(lossMs: number): void {
    this.#doubts++;
    this.#noteLoss(this.#options.clock.monotonic() - lossMs);
    this.#timer?.cancel();
    this.#timer = null;
    this.#schedule(0);
  }

  /** Lets go of the timer, and ends what is under way. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #noteLoss(sinceMs: number): void {
    this.#lossSinceMs = Math.min(this.#lossSinceMs ?? sinceMs, sinceMs);
  }

  #schedule(delayMs: number): void {
    if (this.#lossSinceMs === null || this.#isRunning || this.#timer !== null || this.#isClosed) return;
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = null;
      const sinceMs = this.#lossSinceMs;
      this.#lossSinceMs = null;
      if (sinceMs !== null) void this.#run(sinceMs);
    });
  }

  async #run(lossSinceMs: number): Promise<void> {
    this.#isRunning = true;
    const walk = this.#chunks();
    const results = await Promise.all(Array.from({ length: AT_ONCE }, () => this.#work(walk, lossSinceMs)));
    this.#isRunning = false;
    if (results.every((isDone) => isDone)) {
      this.#retryMs = FIRST_RETRY_MS;
      this.#schedule(SETTLE_MS);
      return;
    }
    this.#noteLoss(lossSinceMs);
    this.#schedule(this.#retryMs * (1 + this.#options.random()));
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }

  /** One walk over all channels, which all workers share. Channels that go meanwhile are passed over. */
  *#chunks(): Generator<readonly LoggedChannel[], undefined> {
    let chunk: LoggedChannel[] = [];
    for (const channel of [...this.#options.channels()]) {
      const { log } = channel;
      // Others begin with a read anyway.
      if (log?.state === "following") chunk.push({ channel, log });
      if (chunk.length < MAX_HEADS) continue;
      yield chunk;
      chunk = [];
    }
    if (chunk.length > 0) yield chunk;
  }

  /** False when the store could not be asked about some. */
  async #work(walk: Iterable<readonly LoggedChannel[]>, lossSinceMs: number): Promise<boolean> {
    let isDone = true;
    for (const chunk of walk) {
      if (this.#isClosed) return true;
      isDone = (await this.#compare(chunk, lossSinceMs)) && isDone;
    }
    return isDone;
  }

  async #compare(chunk: readonly LoggedChannel[], lossSinceMs: number): Promise<boolean> {
    const { reader, keeper, clock } = this.#options;
    const lastBefore = chunk.map(({ log }) => log.last);
    const doubts = this.#doubts;
    let heads: readonly Position[];
    try {
      heads = await reader.heads(chunk.map(({ channel }) => channel));
    } catch {
      // The reader has counted it. It is tried again.
      return false;
    }
    const lossMs = clock.monotonic() - lossSinceMs;
    for (const [index, head] of heads.entries()) {
      // Another sweep is wanted meanwhile: it brings an answer that counts.
      if (this.#isClosed || this.#doubts !== doubts) return true;
      const logged = chunk[index] as LoggedChannel;
      await keeper.compare(logged, { head, lastBefore: lastBefore[index] as number, lossMs });
    }
    return true;
  }
}
