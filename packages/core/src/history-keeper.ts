import type { Channel } from "./channel.ts";
import type { ChannelLog } from "./channel-log.ts";
import type { HistoryCounters } from "./history-counters.ts";
import { HistoryDelivery } from "./history-delivery.ts";
import type { HistoryReader } from "./history-reader.ts";
import type { Hub } from "./hub.ts";
import { atHead, type LogStart, readLogStart } from "./log-start.ts";
import type { LoggedChannel } from "./logged-channel.ts";
import { type PastWant, PastWants } from "./past-wants.ts";
import type { Clock } from "./ports/clock.ts";
import type { Position, StreamStamp } from "./ports/history-store.ts";
import { RetryQueue } from "./retry-queue.ts";

/** Most publications that one round of a repair brings. */
const MAX_REPAIRED = 10_000;
/** After so many reads to the end in a row something is still missing: the store and the bus contradict each other. */
const MAX_ROUNDS = 20;

/** What a HistoryKeeper stands on. */
export interface HistoryKeeperOptions {
  readonly reader: HistoryReader;
  readonly hub: Hub;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly counters: HistoryCounters;
  /** See {@link NodeOptions.maxPastBytes}. */
  readonly maxPastBytes?: number | undefined;
  /** Hears when reads begin to fail: once until one succeeds. */
  readonly onFailure: (channel: Channel, error: unknown) => void;
}

/** The newest position of a channel, and what it is compared with. */
export interface HeadSeen {
  readonly head: Position;
  /** What the log had delivered last when the store was asked. */
  readonly lastBefore: number;
  /** Only what was published within this time, in ms, can have been lost. */
  readonly lossMs: number;
}

/**
 * Keeps the logs of a node's channels in step with the store: begins them, brings what the bus has lost before anything
 * later is delivered, and tells the clients where that can't be done. At most one task for each channel.
 */
export class HistoryKeeper {
  readonly #options: HistoryKeeperOptions;
  readonly #delivery: HistoryDelivery;
  readonly #tasks = new Map<Channel, Promise<void>>();
  // Channels whose running task has to ask the store once more, because something happened after it began to.
  readonly #due = new Set<Channel>();
  readonly #wants = new PastWants();
  readonly #retries: RetryQueue<Channel>;
  #isFailing = false;

  constructor(options: HistoryKeeperOptions) {
    this.#options = options;
    this.#delivery = new HistoryDelivery(options);
    this.#retries = new RetryQueue({
      ...options,
      retry: (channel) => {
        if (channel.log !== null) void this.refresh({ channel, log: channel.log }, true);
      },
    });
  }

  /** Takes what the bus has brought for a channel with history. */
  receive({ channel, log }: LoggedChannel, envelope: Uint8Array, stamp: StreamStamp | undefined): void {
    if (stamp === undefined) {
      // From a publisher whose rules give the channel no history: it has no place in the order of the others.
      this.#delivery.deliverUnplaced({ channel, log }, envelope);
      return;
    }
    const verdict = log.offer(envelope, stamp, this.#options.clock.now());
    if (verdict === "next") {
      this.#delivery.deliver({ channel, log }, { offset: stamp.offset, envelope });
      this.#delivery.drain({ channel, log });
    } else if (verdict === "strange" || (verdict === "held" && log.state === "following")) {
      void this.refresh({ channel, log }, verdict === "strange");
    }
  }

  /** Notes what a subscriber wants before the log has begun. */
  want(channel: Channel, want: Partial<PastWant>): void {
    this.#wants.add(channel, want);
  }

  /**
   * Brings the log up to the store's head; resolves when it was tried, never rejects. Single flight. `isFresh`: a read that
   * is under way is not enough, since it may have begun before what the caller knows.
   */
  refresh(logged: LoggedChannel, isFresh = false): Promise<void> {
    const { channel } = logged;
    const running = this.#tasks.get(channel);
    if (running !== undefined) {
      if (isFresh) this.#due.add(channel);
      return running;
    }
    if (channel.state === "released") return Promise.resolve();
    const task = this.#work(logged);
    this.#tasks.set(channel, task);
    return task;
  }

  /** The bus was cut and is back: nothing is sure until the store was asked. Most are left to be compared with its heads. */
  suspectAll(channels: Iterable<Channel>): void {
    for (const channel of channels) {
      const { log } = channel;
      // One that nobody has asked for yet begins with a read anyway.
      if (log === null || (log.state === "seeding" && !this.#tasks.has(channel))) continue;
      log.isSuspect = true;
      // A read that is under way may be from before the cut.
      const isToBeRead = log.state !== "following" || this.#tasks.has(channel);
      if (isToBeRead) void this.refresh({ channel, log }, true);
    }
  }

  /**
   * Takes the store's newest position, asked for when the log stood at `lastBefore`, and reads what is missing. `lossMs`: how
   * long ago something may have been lost.
   */
  compare(logged: LoggedChannel, { head, lastBefore, lossMs }: HeadSeen): Promise<void> {
    const { channel, log } = logged;
    if (log.state !== "following" || this.#tasks.has(channel)) return this.refresh(logged, true);
    // An empty channel had nothing that is gone again, as long as that has not had the time.
    const isEmpty = head.emptyAtMs !== undefined && head.offset >= log.last && lossMs < log.limits.maxAgeMs;
    const isAtHead = head.offset === lastBefore || (isEmpty && !log.isLastRecent(this.#options.clock.now()));
    if (head.epoch !== log.epoch || !isAtHead) return this.refresh(logged, true);
    this.#succeeded(logged);
    if (log.last === lastBefore) log.noteEmpty(head);
    this.#delivery.drain(logged);
    return log.isBehind ? this.refresh(logged, true) : Promise.resolve();
  }

  /** Lets go of the timer. */
  close(): void {
    this.#retries.close();
  }

  async #work(logged: LoggedChannel): Promise<void> {
    const { channel, log } = logged;
    try {
      for (let rounds = 0; channel.state !== "released"; ) {
        this.#due.delete(channel);
        const { position } = log;
        let isWhole = true;
        if (position === null) await this.#begin(logged);
        else isWhole = await this.#repair(logged, position);
        if (!log.isBehind && !this.#due.has(channel)) return;
        // Whatever has brought a part goes on, however long it takes.
        if (isWhole) rounds++;
        if (rounds >= MAX_ROUNDS) {
          this.#giveUp(logged);
          return;
        }
      }
    } catch (error) {
      this.#options.onFailure(channel, error);
    } finally {
      // In the turn in which the last look was taken: what comes later begins a task of its own.
      this.#tasks.delete(channel);
      this.#due.delete(channel);
    }
  }

  /** The first read of a channel. */
  async #begin(logged: LoggedChannel): Promise<void> {
    const { channel, log } = logged;
    const { newestHeld, last } = log;
    const isBlind = log.state === "blind";
    const { reader, maxPastBytes: maxBytes } = this.#options;
    log.clearOverflow();
    try {
      const start = await readLogStart(logged, { ...this.#wants.take(channel), reader, maxBytes });
      this.#succeeded(logged);
      const isAskedAgain = this.#due.has(channel);
      // The store had them, or they are of a stream that is no more; and where the bus was cut meanwhile, whatever has come may be, and the
      // next read brings it.
      log.dropHeld(isAskedAgain ? log.newestHeld : newestHeld);
      if (isBlind && isAskedAgain) return;
      if (isBlind) this.#beginLate(logged, start, last);
      else log.begin(start);
      if (newestHeld > start.position.offset) this.#askAgain(logged);
    } catch (error) {
      this.#failed(logged, error);
      log.goBlind();
      this.#delivery.releaseHeld(logged);
      return;
    }
    this.#delivery.drain(logged);
  }

  /**
   * Clients have listened to a channel whose store was away: what they missed is not known. `lastBefore`: what was
   * delivered last before the store was asked.
   */
  #beginLate(logged: LoggedChannel, { position }: LogStart, lastBefore: number): void {
    const { log } = logged;
    const { offset, epoch } = position;
    // What came meanwhile is newer than what was read. Else the store's newest is what was delivered last.
    const isNewer = log.last > lastBefore && log.last >= offset;
    if (isNewer || offset === log.last) log.adopt(epoch);
    else log.begin(atHead(position));
    this.#delivery.tellGap(logged, log.position);
  }

  /** Asks the store what follows on the last one, which is at `position`. False: it has brought a part of what there is. */
  async #repair(logged: LoggedChannel, position: Position): Promise<boolean> {
    const { channel, log } = logged;
    const { reader, maxPastBytes: maxBytes } = this.#options;
    const { limits, newestHeld } = log;
    const wasBehind = log.isBehind;
    log.clearOverflow();
    try {
      const most = Math.min(limits.messages, MAX_REPAIRED);
      const tail = await reader.readTail(channel, { limits, since: position, most, maxBytes });
      // Until all of it was read, what is held back may be of another stream.
      if (tail.hasMore) this.#due.add(channel);
      this.#succeeded(logged);
      if (tail.head.epoch !== log.epoch || this.#isForeign(logged, position, tail.head)) {
        this.#beginAnew(logged, tail.head);
        return true;
      }
      if (!tail.isReachable && isSomethingLost(log, position, tail.head)) this.#delivery.skipLost(logged, tail);
      else this.#delivery.fill(logged, tail.publications);
      if (log.last === position.offset) log.noteEmpty(tail.head);
      if (tail.hasMore) return log.last === position.offset;
    } catch (error) {
      this.#failed(logged, error);
      this.#delivery.releaseHeld(logged);
      return true;
    }
    log.dropHeld(log.last);
    if (log.firstHeld !== 0 && log.firstHeld <= newestHeld) {
      // It came before the store was asked, and the store doesn't have it: too old, or of a stream that is no more.
      log.dropHeld(newestHeld);
      log.skipTo(log.last);
      this.#delivery.tellGap(logged, log.position);
      this.#askAgain(logged);
    } else if (wasBehind) {
      this.#options.counters.repairs++;
    }
    this.#delivery.drain(logged);
    return true;
  }

  /** The newest of the store is older than what was delivered, or gone before its time: that was of another stream. */
  #isForeign({ log }: LoggedChannel, position: Position, head: Position): boolean {
    if (log.last !== position.offset) return false;
    const isGoneEarly = head.emptyAtMs !== undefined && log.isLastRecent(this.#options.clock.now());
    return head.offset < position.offset || isGoneEarly;
  }

  /** The stream is another one. What is held back may be of either: the next read brings what belongs to the new one. */
  #beginAnew(logged: LoggedChannel, head: Position): void {
    const { log } = logged;
    log.dropHeld(Number.MAX_SAFE_INTEGER);
    log.begin(atHead(head));
    this.#askAgain(logged);
    this.#delivery.tellGap(logged, log.position);
  }

  /**
   * What was held back has been dropped together with what was of another stream, whose offsets tell nothing about it. So it is to be
   * read, and until then it can't be told what follows on what.
   */
  #askAgain({ channel, log }: LoggedChannel): void {
    log.isSuspect = true;
    this.#due.add(channel);
  }

  #giveUp(logged: LoggedChannel): void {
    this.#delivery.releaseHeld(logged);
    this.#retries.add(logged.channel);
  }

  #succeeded({ channel, log }: LoggedChannel): void {
    log.checkedAtMs = this.#options.clock.monotonic();
    if (!this.#due.has(channel)) log.isSuspect = false;
    this.#isFailing = false;
    this.#retries.succeeded();
  }

  #failed({ channel }: LoggedChannel, error: unknown): void {
    if (!this.#isFailing) this.#options.onFailure(channel, error);
    this.#isFailing = true;
    this.#retries.add(channel);
  }
}

/** Whether something after `position` may be missing that the store doesn't have any more. */
function isSomethingLost(log: ChannelLog, position: Position, head: Position): boolean {
  if (head.offset > log.last) return true;
  // What came from the bus meanwhile followed on the last one, which proves that nothing was between.
  return log.last === position.offset && head.offset !== log.last;
}
