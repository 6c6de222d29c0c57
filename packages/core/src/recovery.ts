import type { SubscribeTarget } from "@carillon/protocol";
import type { Channel } from "./channel.ts";
import type { ChannelLog, LogEntry } from "./channel-log.ts";
import type { HistoryCounters } from "./history-counters.ts";
import type { HistoryKeeper } from "./history-keeper.ts";
import type { HistoryReader } from "./history-reader.ts";
import { MAX_CAUGHT_UP } from "./log-start.ts";
import type { LoggedChannel } from "./logged-channel.ts";
import { countBy } from "./node-counters.ts";
import type { Clock } from "./ports/clock.ts";
import type { Position, StoredPublication } from "./ports/history-store.ts";
import { parsePosition } from "./position.ts";

/**
 * Why a subscriber could not be caught up.
 * - `epoch_changed`: its position is one of a stream that is no more.
 * - `too_old`: what it missed is kept no more, or is more than one subscribe may be caught up with.
 * - `unavailable`: the store could not be asked, so there is no proof.
 * - `no_history`: the channel keeps none.
 * - `malformed`: what it gave is not a position.
 */
export type RecoveryFailure = "epoch_changed" | "too_old" | "unavailable" | "no_history" | "malformed";

/** What a subscriber wants of the past. */
export type CatchUp =
  | { readonly kind: "recover"; readonly since: Position }
  | { readonly kind: "malformed" }
  | { readonly kind: "rewind"; readonly count: number };

/** What a subscriber gets of it, at the moment when it joins. */
export interface CaughtUp {
  /** Where it stands: what follows comes live. null while the store has never been reached for this channel. */
  readonly position: Position | null;
  /** Whether nothing is missing since its own position; absent when it didn't ask. */
  readonly isRecovered?: boolean;
  readonly reason?: RecoveryFailure;
  /** What it missed or asked for, oldest first. */
  readonly entries: readonly LogEntry[];
}

/** What was read for those whose position is older than the log. null: the read failed. */
export interface Past {
  readonly entries: readonly LogEntry[];
  /** Everything after this is in it; absent when nothing can be said but that they are neighbours. */
  readonly since: number | undefined;
  /** True when it ends before the head. */
  readonly isCut: boolean;
  /** Everything up to this offset is in it. */
  readonly end: number;
}

/** A read that several subscribers share. */
interface SharedRead {
  /** Serves those who want what came after this, or a later offset; null for a rewind. */
  readonly since: Position | null;
  readonly count: number;
  /** Higher than those of all reads that began before. */
  readonly number: number;
  readonly past: Promise<Past | null>;
}

/** What a Recovery stands on. */
export interface RecoveryOptions {
  readonly reader: HistoryReader;
  readonly keeper: HistoryKeeper;
  readonly clock: Clock;
  readonly counters: HistoryCounters;
  /** See {@link NodeOptions.maxPastBytes}. */
  readonly maxPastBytes?: number | undefined;
}

/** A finished read serves those who come within this time, so that a storm of returning clients doesn't repeat it. */
const SHARED_MS = 2000;
/** Most reads that are kept so. Each may hold a thousand publications. */
const MAX_SHARED = 64;
/** An epoch that was compared with the store's so lately is not compared again. */
const EPOCH_CHECK_MS = 1000;

/** Answers those who subscribe with a position, or want the newest publications first. */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #sharedReads = new Map<Channel, SharedRead[]>();
  #shared = 0;
  #reads = 0;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /**
   * Gets ready to answer: null when {@link answer} can be called at once. Rejects when the bus refuses interest; a store
   * that is away is no reason to.
   */
  prepare(logged: LoggedChannel, catchUp: CatchUp | null): Promise<Past | null> | null {
    const { channel, log } = logged;
    if (channel.whenHeld === null && this.#isReady(log, catchUp)) return null;
    if (log.state !== "following" && catchUp?.kind === "recover") this.#options.keeper.want(channel, catchUp);
    if (log.state !== "following" && catchUp?.kind === "rewind") {
      this.#options.keeper.want(channel, { newest: catchUp.count });
    }
    return this.#prepare(logged, catchUp);
  }

  /** What a subscriber gets that joins now, in this turn. Synchronous, so that nothing comes between. */
  answer({ log }: LoggedChannel, catchUp: CatchUp | null, past: Past | null): CaughtUp {
    log.expire(this.#options.clock.now());
    const { position } = log;
    if (catchUp === null) return { position, entries: [] };
    if (catchUp.kind === "rewind") {
      return { position, entries: log.isSure ? newestOf(log, catchUp.count, past) : [] };
    }
    const result = catchUp.kind === "malformed" ? "malformed" : this.#missedBy(log, catchUp.since, past);
    if (typeof result === "string") {
      countBy(this.#options.counters.recoveries, result);
      return { position, isRecovered: false, reason: result, entries: [] };
    }
    countBy(this.#options.counters.recoveries, "recovered");
    return { position: result.position, isRecovered: true, entries: result.entries };
  }

  async #prepare(logged: LoggedChannel, catchUp: CatchUp | null): Promise<Past | null> {
    const { channel, log } = logged;
    const { keeper } = this.#options;
    if (channel.whenHeld !== null) await channel.whenHeld;
    if (log.state === "seeding" || (!log.isSure && catchUp !== null)) await keeper.refresh(logged);
    if (!log.isSure || this.#isReady(log, catchUp)) return null;
    if (catchUp?.kind === "rewind") return this.#readNewest(logged, catchUp.count);
    if (catchUp?.kind !== "recover") return null;
    const { since } = catchUp;
    // Either this node or the client knows less than the other: the store has the last word.
    if (since.epoch !== log.epoch || since.offset > log.last) await keeper.refresh(logged, true);
    return since.epoch !== log.epoch || this.#isReady(log, catchUp) ? null : this.#readSince(logged, since);
  }

  /** True when there is nothing to wait for. */
  #isReady(log: ChannelLog, catchUp: CatchUp | null): boolean {
    const { clock } = this.#options;
    if (log.state === "seeding") return false;
    if (catchUp === null || catchUp.kind === "malformed") return true;
    if (!log.isSure) return false;
    log.expire(clock.now());
    if (catchUp.kind === "rewind") return log.size >= Math.min(catchUp.count, log.limits.messages);
    const { epoch, offset } = catchUp.since;
    if (epoch !== log.epoch) return this.#isEpochSure(log);
    return log.proves(offset);
  }

  #isEpochSure(log: ChannelLog): boolean {
    return this.#options.clock.monotonic() - log.checkedAtMs < EPOCH_CHECK_MS;
  }

  #missedBy(
    log: ChannelLog,
    since: Position,
    past: Past | null,
  ): RecoveryFailure | { position: Position; entries: LogEntry[] } {
    const { position } = log;
    if (position === null || !log.isSure) return "unavailable";
    if (since.epoch !== position.epoch) return this.#isEpochSure(log) ? "epoch_changed" : "unavailable";
    if (log.proves(since.offset)) return withinBound(position, log.after(since.offset));
    if (past === null) return "unavailable";
    if (!reaches(past, since.offset)) return "too_old";
    const { end } = past;
    // Between what was read and what the log still has, something may have passed.
    if (end < log.last && !log.proves(end)) return "unavailable";
    const entries = past.entries.filter(({ offset }) => offset > since.offset && offset <= log.last);
    // A client may be ahead of a channel of which nothing is kept any more.
    const standing = log.last < since.offset ? since : position;
    return withinBound(standing, entries.concat(log.after(Math.max(end, since.offset))));
  }

  async #readSince(logged: LoggedChannel, since: Position): Promise<Past | null> {
    const isOlder = (read: SharedRead) => read.since?.epoch === since.epoch && read.since.offset <= since.offset;
    const wanted = { since, count: 0 };
    const first = this.#share(logged, wanted, isOlder);
    const past = await first.past;
    if (past !== null && past.end < logged.log.last && !logged.log.proves(past.end)) {
      // Kept for too long: the log has moved on from where it ends. Whoever sees it first reads again, for all who do.
      return this.#share(logged, wanted, (read) => read.number > first.number && isOlder(read)).past;
    }
    if (past === null || reaches(past, since.offset)) return past;
    // Somebody's much older position was not reachable; that says nothing about this one.
    return this.#share(logged, wanted, (read) => isOlder(read) && read.since?.offset === since.offset).past;
  }

  #readNewest(logged: LoggedChannel, count: number): Promise<Past | null> {
    return this.#share(logged, { since: null, count }, (read) => read.since === null && read.count >= count).past;
  }

  #share(
    logged: LoggedChannel,
    wanted: Pick<SharedRead, "since" | "count">,
    serves: (read: SharedRead) => boolean,
  ): SharedRead {
    const { channel } = logged;
    const reads = this.#sharedReads.get(channel) ?? [];
    // The newest: the one that ends latest.
    const running = reads.findLast(serves);
    if (running !== undefined) return running;
    const past = this.#read(logged, wanted);
    const read: SharedRead = { ...wanted, number: ++this.#reads, past };
    if (this.#shared >= MAX_SHARED) return read;
    this.#sharedReads.set(channel, [...reads, read]);
    this.#shared++;
    void past.then((result) => {
      // A failure is not worth keeping: the next one tries again.
      if (result === null) this.#unshare(channel, read);
      else this.#options.clock.after(SHARED_MS, () => this.#unshare(channel, read));
    });
    return read;
  }

  #unshare(channel: Channel, read: SharedRead): void {
    const reads = this.#sharedReads.get(channel)?.filter((each) => each !== read) ?? [];
    this.#shared--;
    if (reads.length === 0) this.#sharedReads.delete(channel);
    else this.#sharedReads.set(channel, reads);
  }

  /** Never rejects. */
  async #read(
    { channel, log }: LoggedChannel,
    { since, count }: Pick<SharedRead, "since" | "count">,
  ): Promise<Past | null> {
    const { reader, maxPastBytes: maxBytes } = this.#options;
    const { limits } = log;
    try {
      if (since === null) {
        const { publications, head } = await reader.readNewest(channel, { limits, limit: count, maxBytes });
        return {
          entries: toEntries(publications),
          since: undefined,
          isCut: false,
          end: endOf(publications, head) ?? 0,
        };
      }
      const tail = await reader.readTail(channel, { limits, since, most: MAX_CAUGHT_UP, maxBytes });
      const isOther = tail.head.epoch !== since.epoch;
      return {
        entries: isOther ? [] : toEntries(tail.publications),
        since: tail.isReachable ? since.offset : undefined,
        isCut: tail.hasMore,
        end: endOf(tail.publications, tail.head) ?? since.offset,
      };
    } catch {
      // The reader has counted it, and the subscriber is told that there is no proof.
      return null;
    }
  }
}

/** What the client wants, in the words of this module; null when it wants nothing of the past. */
export function catchUpOf({ recover, rewind }: SubscribeTarget): CatchUp | null {
  if (recover !== undefined) {
    const since = parsePosition(recover);
    return since === null ? { kind: "malformed" } : { kind: "recover", since };
  }
  if (rewind === undefined) return null;
  return { kind: "rewind", count: rewind === "beginning" ? MAX_CAUGHT_UP : Math.min(rewind, MAX_CAUGHT_UP) };
}

/** Up to where all is read; null when that is not told by what was read. */
function endOf(publications: readonly StoredPublication[], head: Position): number | null {
  return publications.at(-1)?.offset ?? (head.emptyAtMs === undefined ? null : head.offset);
}

function toEntries(publications: readonly StoredPublication[]): LogEntry[] {
  return publications.map(({ offset, envelope }) => ({ offset, envelope, frames: null }));
}

/** True when everything after `offset` is proven to be in it. */
function reaches({ entries, since, isCut }: Past, offset: number): boolean {
  if (isCut) return false;
  const oldest = entries[0]?.offset;
  return (since !== undefined && offset >= since) || (oldest !== undefined && offset >= oldest);
}

function withinBound(
  position: Position,
  entries: LogEntry[],
): RecoveryFailure | { position: Position; entries: LogEntry[] } {
  return entries.length > MAX_CAUGHT_UP ? "too_old" : { position, entries };
}

/** The newest publications, neighbours up to the last one. */
function newestOf(log: ChannelLog, count: number, past: Past | null): LogEntry[] {
  const end = past?.end ?? 0;
  const isJoined = past !== null && (end >= log.last || log.proves(end));
  const earlier = isJoined ? past.entries.filter(({ offset }) => offset <= log.last) : [];
  const all = earlier.concat(log.after(isJoined ? end : 0));
  return all.slice(-count);
}
