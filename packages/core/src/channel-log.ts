import { envelopeTimeMs } from "@carillon/protocol";
import { HeldBack } from "./held-back.ts";
import type { LogStart } from "./log-start.ts";
import type { Codec } from "./ports/codec.ts";
import type { HistoryLimits, Position, StoredPublication, StreamStamp } from "./ports/history-store.ts";

/** Most publications that a log keeps; five seconds of a channel with a hundred a second. */
const MAX_ENTRIES = 512;
/** Most bytes of envelopes that a log keeps, the newest one aside. */
const MAX_ENTRY_BYTES = 262_144;

/** Clocks of a cluster may differ by so much: a publication that should be gone by less than this is not taken to be. */
const CLOCK_DIFFERENCE_MS = 2000;

/** A floor that nothing is above: no position can be proven from this log. */
const NOTHING_PROVEN = Number.MAX_SAFE_INTEGER;

/** A publication in a log. */
export interface LogEntry extends StoredPublication {
  /** Its frames by codec, for those who were away: made when the first of them comes. null: this codec can't carry it. */
  frames: Map<Codec, Uint8Array | null> | null;
}

/**
 * How far a log has come.
 * - `seeding`: the store has not been asked; what the bus brings is held back.
 * - `following`: the epoch is known, each publication follows on the one before or is held back.
 * - `blind`: the store can't be asked; what the bus brings is passed on, and nothing can be proven.
 */
export type LogState = "seeding" | "following" | "blind";

/**
 * What to do with a publication that the bus has brought.
 * - `next`: deliver it now.
 * - `held`: it doesn't follow on the last one; the store must be asked for what is between.
 * - `known`: a repeat; forget it.
 * - `strange`: older than the last one, and not one of the log's: perhaps the stream began anew. Ask the store.
 */
export type Verdict = "next" | "held" | "known" | "strange";

/**
 * The newest publications of one channel with history, as this node has delivered them: without holes, in order. It knows
 * how far back that can be proven, and holds back what came too early. Pure: it is told what arrived and what was read.
 *
 * Its law: entries are neighbours in the channel's stream, and everything after `floor` up to `last` is among them.
 */
export class ChannelLog {
  readonly limits: HistoryLimits;
  /** True on a cache channel: who subscribes gets the newest publication. */
  readonly isCache: boolean;
  /** When the store was last asked with success, in monotonic ms. Kept here for HistoryKeeper. */
  checkedAtMs = Number.NEGATIVE_INFINITY;
  /**
   * True from a cut of the bus until the store was asked: the stream may be another one since, so all is held back. That
   * takes one read.
   */
  isSuspect = false;
  #state: LogState = "seeding";
  #epoch = "";
  #entries: LogEntry[] = [];
  #bytes = 0;
  #last = 0;
  // Of the last entry, in ms since 1970; beyond all time while it is not known.
  #lastTimeMs = Number.MAX_VALUE;
  #floor = NOTHING_PROVEN;
  // When the channel had nothing, and the last offset was the stream's; null once something was delivered.
  #emptyAtMs: number | null = null;
  readonly #held = new HeldBack();

  constructor(limits: HistoryLimits, isCache = false) {
    this.limits = limits;
    this.isCache = isCache;
  }

  get state(): LogState {
    return this.#state;
  }

  /** The stream that offsets belong to; "" while it is not known. */
  get epoch(): string {
    return this.#epoch;
  }

  /** Offset of what was delivered last; 0 when nothing was. */
  get last(): number {
    return this.#last;
  }

  /**
   * Where those who listen stand; null while the epoch is not known. Not withheld from a suspect log: whoever is told nothing can't come
   * back by anything, and where the stream is another one by now, a position of the old one proves nothing.
   */
  get position(): Position | null {
    if (this.#state !== "following") return null;
    const position = { epoch: this.#epoch, offset: this.#last };
    return this.#emptyAtMs === null ? position : { ...position, emptyAtMs: this.#emptyAtMs };
  }

  /** True when the epoch is known and can't have changed since. */
  get isSure(): boolean {
    return this.#state === "following" && !this.isSuspect;
  }

  /** True when something waits for a gap to be filled, or was left out because too much did. */
  get isBehind(): boolean {
    return this.#held.isInUse;
  }

  /** Offset of the newest publication that is held back; 0 when there is none. */
  get newestHeld(): number {
    return this.#held.newest;
  }

  /** Offset of the oldest publication that is held back; 0 when there is none. */
  get firstHeld(): number {
    return this.#held.first?.offset ?? 0;
  }

  /** True when everything after `offset` up to the last one is in the log. */
  proves(offset: number): boolean {
    return this.isSure && offset >= this.#floor && offset <= this.#last;
  }

  /** The publications after `offset`, oldest first. */
  after(offset: number): LogEntry[] {
    return this.#entries.slice(this.#indexAfter(offset));
  }

  /** How many publications the log has. */
  get size(): number {
    return this.#entries.length;
  }

  /** Forgets what is too old to be kept by the channel's rule. `nowMs` is in milliseconds since 1970. */
  expire(nowMs: number): void {
    const isOld = (entry: LogEntry) => nowMs - envelopeTimeMs(entry.envelope) >= this.limits.maxAgeMs;
    while (this.#entries[0] !== undefined && isOld(this.#entries[0])) this.#dropOldest();
  }

  /** Takes what the bus has brought, and says what to do with it. Copies what it keeps. `nowMs` as in {@link expire}. */
  offer(envelope: Uint8Array, stamp: StreamStamp, nowMs: number): Verdict {
    const { offset, previousOffset } = stamp;
    if (this.#state === "seeding" || (this.isSuspect && this.#state === "following"))
      return this.#hold(envelope, stamp);
    if (offset <= this.#last) return this.#has(offset, envelope) ? "known" : "strange";
    if (this.#state === "blind" && previousOffset !== this.#last) this.#clear(NOTHING_PROVEN);
    else if (!this.#followsOn(previousOffset, nowMs)) return this.#hold(envelope, stamp);
    this.#append(offset, envelope.slice(), previousOffset);
    return "next";
  }

  /** The next of those held back, once it follows on the last one. It is delivered then. */
  takeLinked(): LogEntry | null {
    if (this.isSuspect) return null;
    this.#held.dropUpTo(this.#last);
    return this.#held.first?.previousOffset === this.#last ? (this.takeHeld()?.entry ?? null) : null;
  }

  /** The next of those held back, whether something is missing before it or not. It is delivered then. */
  takeHeld(): { readonly entry: LogEntry; readonly isLinked: boolean } | null {
    this.#held.dropUpTo(this.#last);
    const next = this.#held.shift();
    if (next === undefined) return null;
    // Nothing stands before the first publication of a stream, and nothing before one whose predecessors are gone by their age. Only who
    // has heard everything since the stream was empty can tell which of the two it is.
    const isProof = this.#last !== 0 || this.isSure || this.#state === "blind";
    const isLinked = isProof && next.previousOffset === this.#last;
    if (!isLinked) this.#clear(NOTHING_PROVEN);
    return { entry: this.#append(next.offset, next.envelope, next.previousOffset), isLinked };
  }

  /** Takes what the store has after the last one, oldest first and without holes; returns what is new, to be delivered. */
  fill(publications: readonly StoredPublication[]): LogEntry[] {
    const filled: LogEntry[] = [];
    for (const { offset, envelope } of publications) {
      if (offset > this.#last) filled.push(this.#append(offset, envelope, 0));
    }
    return filled;
  }

  /** Begins (anew) where the store stands. */
  begin(start: LogStart): void {
    const { position, publications = [], floor } = start;
    this.#state = "following";
    this.#epoch = position.epoch;
    this.#clear(NOTHING_PROVEN);
    this.#last = 0;
    for (const { offset, envelope } of publications) this.#append(offset, envelope, 0);
    this.#last = position.offset;
    this.#emptyAtMs = position.emptyAtMs ?? null;
    // What the bounds pushed out stays out.
    const hasDropped = this.#entries.length < publications.length;
    if (!hasDropped && floor !== undefined) this.#floor = floor;
  }

  /** Nothing came since the last one, and nothing is kept of the channel any more. */
  noteEmpty({ offset, emptyAtMs }: Position): void {
    if (emptyAtMs === undefined || offset < this.#last) return;
    this.#last = offset;
    this.#emptyAtMs = emptyAtMs;
  }

  /** Learns the epoch of what was delivered blindly. */
  adopt(epoch: string): void {
    this.#state = "following";
    this.#epoch = epoch;
  }

  /** The store can't be asked: whatever the bus brings is passed on from now. Nothing was delivered yet. */
  goBlind(): void {
    this.#state = "blind";
  }

  /**
   * Something after the last one is lost, up to `head` at most, which counts as delivered from now on. An offset never goes
   * back within an epoch; a head that is not ahead leaves nothing that could be proven.
   */
  skipTo(head: number): void {
    this.#clear(head > this.#last ? head : NOTHING_PROVEN);
    if (head > this.#last) this.#emptyAtMs = null;
    this.#last = Math.max(this.#last, head);
  }

  /** Forgets what is held back up to `offset`. */
  dropHeld(offset: number): void {
    this.#held.dropUpTo(offset);
  }

  /** Says that the store will be asked for what overflowed. */
  clearOverflow(): void {
    this.#held.clearOverflow();
  }

  /** True when the log has exactly this publication. */
  hasOffset(offset: number): boolean {
    return this.#entries[this.#indexAfter(offset) - 1]?.offset === offset;
  }

  /** True when the last one must still be kept, whatever the clocks say. `nowMs` as in {@link expire}. */
  isLastRecent(nowMs: number): boolean {
    const isKnown = this.#lastTimeMs !== Number.MAX_VALUE;
    return isKnown && this.#lastTimeMs + this.limits.maxAgeMs > nowMs + CLOCK_DIFFERENCE_MS;
  }

  #followsOn(previousOffset: number, nowMs: number): boolean {
    if (previousOffset === this.#last) return true;
    if (previousOffset !== 0 || this.isBehind) return false;
    // There was none, or the last one is gone by its age: nothing came between that is still kept.
    if (this.#emptyAtMs !== null) return true;
    return this.#lastTimeMs + this.limits.maxAgeMs + CLOCK_DIFFERENCE_MS <= nowMs;
  }

  #append(offset: number, envelope: Uint8Array, previousOffset: number): LogEntry {
    const entry: LogEntry = { offset, envelope, frames: null };
    if (this.#floor === NOTHING_PROVEN) this.#floor = previousOffset === 0 ? offset : previousOffset;
    this.#entries.push(entry);
    this.#bytes += envelope.length;
    this.#last = offset;
    this.#emptyAtMs = null;
    this.#lastTimeMs = envelopeTimeMs(envelope);
    const most = Math.min(this.limits.messages, MAX_ENTRIES);
    while (this.#entries.length > most || (this.#bytes > MAX_ENTRY_BYTES && this.#entries.length > 1))
      this.#dropOldest();
    return entry;
  }

  #dropOldest(): void {
    const oldest = this.#entries.shift();
    if (oldest === undefined) return;
    this.#bytes -= oldest.envelope.length;
    this.#floor = Math.max(this.#floor, oldest.offset);
  }

  #clear(floor: number): void {
    this.#entries = [];
    this.#bytes = 0;
    this.#floor = floor;
    this.#lastTimeMs = Number.MAX_VALUE;
  }

  #hold(envelope: Uint8Array, stamp: StreamStamp): "held" {
    this.#held.add(envelope, stamp);
    return "held";
  }

  #has(offset: number, envelope: Uint8Array): boolean {
    const entry = this.#entries[this.#indexAfter(offset) - 1];
    return entry?.offset === offset && isEqual(entry.envelope, envelope);
  }

  /** Index of the first entry after `offset`. */
  #indexAfter(offset: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle] as LogEntry).offset <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
