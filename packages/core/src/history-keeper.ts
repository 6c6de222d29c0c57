import type { Channel } from "./channel.ts";
import type { ChannelLog, LogStart } from "./channel-log.ts";
import type { HistoryCounters } from "./history-counters.ts";
import type { HistoryReader, HistoryTail } from "./history-reader.ts";
import type { Hub } from "./hub.ts";
import type { Clock } from "./ports/clock.ts";
import type { Position, StoredPublication, StreamStamp } from "./ports/history-store.ts";
import { formatPosition } from "./position.ts";
import { RetryQueue } from "./retry-queue.ts";

/** Most publications that one round of a repair brings. */
const MAX_REPAIRED = 10_000;
/** Most publications that one subscribe is caught up with. */
export const MAX_CAUGHT_UP = 1000;
/** After so many reads in a row something is still missing: the store and the bus contradict each other. */
const MAX_ROUNDS = 20;

/** What a HistoryKeeper stands on. */
export interface HistoryKeeperOptions {
  readonly reader: HistoryReader;
  readonly hub: Hub;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly counters: HistoryCounters;
  /** Hears when reads begin to fail: once until one succeeds. */
  readonly onFailure: (channel: Channel, error: unknown) => void;
}

/** What the first subscribers of a channel want to see of its past: the first read brings it. */
interface Want {
  readonly since: Position | null;
  readonly newest: number;
}

/** The newest position of a channel, and what it is compared with. */
export interface HeadSeen {
  readonly head: Position;
  /** What the log had delivered last when the store was asked. */
  readonly lastBefore: number;
  /** Only what was published within this time, in ms, can have been lost. */
  readonly lossMs: number;
}

const NOTHING_WANTED: Want = { since: null, newest: 1 };

/** A channel with history, as it stands on this node. */
export interface LoggedChannel {
  readonly channel: Channel;
  readonly log: ChannelLog;
}

/**
 * Keeps the logs of a node's channels in step with the store: begins them, brings what the bus has lost before anything
 * later is delivered, and tells the clients where that can't be done. At most one task for each channel.
 */
export class HistoryKeeper {
  readonly #options: HistoryKeeperOptions;
  readonly #tasks = new Map<Channel, Promise<void>>();
  // Channels whose running task has to ask the store once more, because something happened after it began to.
  readonly #due = new Set<Channel>();
  // Weak: of a channel that the bus refuses nothing is left.
  readonly #wants = new WeakMap<Channel, Want>();
  readonly #retries: RetryQueue<Channel>;
  #isFailing = false;

  constructor(options: HistoryKeeperOptions) {
    this.#options = options;
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
      this.#options.hub.deliver(channel, envelope);
      return;
    }
    const verdict = log.offer(envelope, stamp, this.#options.clock.now());
    if (verdict === "next") {
      this.#deliver({ channel, log }, { offset: stamp.offset, envelope });
      this.#drain({ channel, log });
    } else if (verdict === "strange" || (verdict === "held" && log.state === "following")) {
      void this.refresh({ channel, log }, verdict === "strange");
    }
  }

  /** Notes what a subscriber wants before the log has begun. */
  want(channel: Channel, want: Partial<Want>): void {
    const { since, newest } = this.#wants.get(channel) ?? NOTHING_WANTED;
    const isOlder =
      want.since != null && (since === null || (want.since.epoch === since.epoch && want.since.offset < since.offset));
    this.#wants.set(channel, {
      since: isOlder ? (want.since ?? null) : since,
      newest: Math.max(newest, want.newest ?? 1),
    });
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
    this.#drain(logged);
    return log.isBehind ? this.refresh(logged, true) : Promise.resolve();
  }

  /** Lets go of the timer. */
  close(): void {
    this.#retries.close();
  }

  async #work(logged: LoggedChannel): Promise<void> {
    const { channel, log } = logged;
    try {
      for (let round = 1; channel.state !== "released"; round++) {
        this.#due.delete(channel);
        if (log.state === "following") await this.#repair(logged);
        else await this.#begin(logged);
        if (!log.isBehind && !this.#due.has(channel)) return;
        if (round >= MAX_ROUNDS) {
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
    const { log } = logged;
    const { newestHeld, last } = log;
    const isBlind = log.state === "blind";
    log.clearOverflow();
    try {
      const start = await this.#readStart(logged);
      this.#succeeded(logged);
      // The store had them, or they are of a stream that is no more.
      log.dropHeld(newestHeld);
      if (isBlind) this.#beginLate(logged, start, last);
      else log.begin(start);
    } catch (error) {
      this.#failed(logged, error);
      log.goBlind();
      this.#releaseHeld(logged);
      return;
    }
    this.#drain(logged);
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
    this.#tellGap(logged, log.position);
  }

  async #readStart({ channel, log }: LoggedChannel): Promise<LogStart> {
    const { limits } = log;
    const { since, newest } = this.#wants.get(channel) ?? NOTHING_WANTED;
    this.#wants.delete(channel);
    if (since !== null) {
      const tail = await this.#options.reader.readTail(channel, { limits, since, most: MAX_CAUGHT_UP });
      const { publications, head } = tail;
      if (!tail.isReachable || tail.hasMore) return atHead(head);
      const offset = publications.at(-1)?.offset;
      const position = offset === undefined ? head : { epoch: head.epoch, offset };
      return { position, publications, floor: Math.min(since.offset, head.offset) };
    }
    const { publications, head } = await this.#options.reader.readNewest(channel, { limits, limit: newest });
    return publications.at(-1)?.offset === head.offset ? { position: head, publications } : atHead(head);
  }

  /** Asks the store what follows on the last one. */
  async #repair(logged: LoggedChannel): Promise<void> {
    const { channel, log } = logged;
    const { limits, newestHeld } = log;
    const position = log.standing;
    const wasBehind = log.isBehind;
    log.clearOverflow();
    try {
      const most = Math.min(limits.messages, MAX_REPAIRED);
      const tail = await this.#options.reader.readTail(channel, { limits, since: position, most });
      this.#succeeded(logged);
      if (tail.head.epoch !== log.epoch || this.#isForeign(logged, position, tail.head)) {
        this.#beginAnew(logged, tail.head);
        return;
      }
      if (!tail.isReachable && isSomethingLost(log, position, tail.head)) this.#skipLost(logged, tail);
      else this.#fill(logged, tail.publications);
      if (log.last === position.offset) log.noteEmpty(tail.head);
      if (tail.hasMore) {
        this.#due.add(channel);
        return;
      }
    } catch (error) {
      this.#failed(logged, error);
      this.#releaseHeld(logged);
      return;
    }
    log.dropHeld(log.last);
    if (log.firstHeld !== 0 && log.firstHeld <= newestHeld) {
      // It came before the store was asked, and the store doesn't have it: too old, or of a stream that is no more.
      log.dropHeld(newestHeld);
      log.skipTo(log.last);
      this.#tellGap(logged, log.position);
    } else if (wasBehind) {
      this.#options.counters.repairs++;
    }
    this.#drain(logged);
  }

  #fill(logged: LoggedChannel, publications: readonly StoredPublication[]): void {
    for (const entry of logged.log.fill(publications)) this.#deliver(logged, entry);
  }

  /** Tells that something is lost, and goes on with the oldest that the store still has. */
  #skipLost(logged: LoggedChannel, { publications, head }: HistoryTail): void {
    const { log } = logged;
    log.skipTo(publications.length === 0 ? head.offset : log.last);
    this.#tellGap(logged, publications.length === 0 ? log.position : null);
    this.#fill(logged, publications);
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
    // What was held back is to be read: until then it can't be told what follows on what.
    log.isSuspect = true;
    this.#tellGap(logged, log.standing);
    this.#due.add(logged.channel);
  }

  /** Delivers what follows on the last one. */
  #drain(logged: LoggedChannel): void {
    for (let entry = logged.log.takeLinked(); entry !== null; entry = logged.log.takeLinked()) {
      this.#deliver(logged, entry);
    }
  }

  /** Delivers what is held back though something before it is missing, which the clients are told. */
  #releaseHeld(logged: LoggedChannel): void {
    const { log } = logged;
    for (let held = log.takeHeld(); held !== null; held = log.takeHeld()) {
      if (!held.isLinked) this.#tellGap(logged, null);
      this.#deliver(logged, held.entry);
    }
    log.clearOverflow();
  }

  #giveUp(logged: LoggedChannel): void {
    this.#releaseHeld(logged);
    this.#retries.add(logged.channel);
  }

  #deliver({ channel, log }: LoggedChannel, { offset, envelope }: StoredPublication): void {
    // Even while the stream may be another one since: who keeps its older position would be sent this again elsewhere,
    // and a position of a stream that is no more proves nothing.
    const position = log.epoch === "" ? undefined : formatPosition({ epoch: log.epoch, offset });
    this.#options.hub.deliver(channel, envelope, position);
  }

  /** `position`: where the clients stand behind what is lost; null when something that is still to come is behind it too. */
  #tellGap({ channel }: LoggedChannel, position: Position | null): void {
    this.#options.counters.gaps++;
    this.#options.hub.announceGap(channel, position === null ? undefined : formatPosition(position));
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

/** Everything so far counts as delivered. */
function atHead(head: Position): LogStart {
  return { position: head, floor: head.offset };
}
