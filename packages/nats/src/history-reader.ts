import {
  type HistoryPage,
  type HistoryQuery,
  type Position,
  type StoredPublication,
  withinBytes,
} from "@carillon/core";
import { pause } from "./deadline.ts";
import type { BatchMessage, HistoryBatchInbox } from "./history-batch.ts";
import { Collected, type Goal } from "./history-collected.ts";
import type { HistoryStream } from "./history-stream.ts";
import { StreamNotReadyError } from "./jetstream-api.ts";

/** What one reading stands on. */
export interface HistoryReadOptions {
  readonly stream: HistoryStream;
  /** Of the channel in the stream. */
  readonly subject: string;
  readonly inbox: HistoryBatchInbox;
  readonly query: HistoryQuery;
  /** Until when to go on, on the scale of `performance.now()`. */
  readonly endMs: number;
}

const PAGE = 1_000;
// A copy may be behind its leader for some milliseconds.
const LAG_TRIES = 5;
const LAG_PAUSE_MS = 30;
// Looking for where the newest publications begin: an answer with some too many is good enough.
const MAX_PROBES = 12;
const GOOD_ENOUGH = 64;

/** What was read, before it is known whether all of it is from one epoch. */
interface Findings {
  readonly publications: readonly StoredPublication[];
  readonly head: Omit<Position, "epoch">;
  readonly hasMore: boolean;
  /** Shows what comes after `since` to be complete, if the leader agrees; else whether it is for certain. */
  readonly evidence: Evidence | boolean;
}

interface Evidence {
  /** Oldest sequence that could be missing. */
  readonly from: number;
  /** What the leader must still hold as the first of the channel from there on; null: nothing at all. */
  readonly anchor: number | null;
  /** True when something between `from` and the anchor may have gone, unless the stream says that nothing can have. */
  readonly isOfEmpty: boolean;
}

interface Proof {
  readonly isProven: boolean;
  /** From here on the leader still has everything; 0: it has nothing to compare with. */
  readonly keptFrom: number;
}

/**
 * One reading of a channel's history. The leader tells the head, copies tell the publications, and the leader is asked again
 * at the end: for the epoch, which holds for all that was read because epochs never come back, and for what proves that
 * nothing is missing.
 *
 * The proof: JetStream drops a channel's publications oldest first, whatever the reason. So when the publication at `since`
 * was the first of the answer, and the leader still has it afterwards, nothing that came after it was dropped meanwhile. It
 * also has to be young enough for the rule: streams keep publications for longer, so no copy's clock dropped it early.
 *
 * Where the channel was empty at `since` there is no such publication. Then nothing after it can have gone by its age when
 * that was so lately, nor by number when fewer are there than are kept; for other reasons the marker has a floor.
 */
export class HistoryRead {
  readonly #options: HistoryReadOptions;
  readonly #query: HistoryQuery;
  readonly #oldestMs: number;

  constructor(options: HistoryReadOptions) {
    this.#options = options;
    this.#query = options.query;
    this.#oldestMs = Date.now() - options.query.limits.maxAgeMs;
  }

  /** Rejects with StreamNotReadyError when another try may help. */
  async run(): Promise<HistoryPage> {
    const { stream, inbox } = this.#options;
    const { since } = this.#query;
    const knownEpoch = stream.epoch;
    const isComparable = since === null || since.epoch === knownEpoch;
    const { evidence, publications, head, hasMore } = await this.#find(isComparable ? since : null);
    const [{ epoch, floor }, proof] = await Promise.all([stream.marker.read(inbox.link), this.#prove(evidence)]);
    const isAboveFloor = typeof evidence === "boolean" || !evidence.isOfEmpty || evidence.from > floor;
    if (epoch !== knownEpoch) throw new StreamNotReadyError("the stream has a new epoch");
    return {
      // What was dropped while it was read may have left a hole behind it.
      publications: publications.filter(({ offset }) => offset >= proof.keptFrom),
      head: { epoch, ...head },
      isReachable: since === null || (isComparable && proof.isProven && isAboveFloor),
      hasMore,
    };
  }

  async #find(since: Position | null): Promise<Findings> {
    const { stream, subject, inbox } = this.#options;
    const early = this.#askEarly(since);
    const head = await stream.ask(inbox.link, { last_by_subj: subject });
    if (head === null) return await this.#findNothing(since);
    if (this.#query.direction === "backward") return await this.#findNewest(head.seq, early);
    return await this.#findAfter(since, head.seq, early);
  }

  async #findNothing(since: Position | null): Promise<Findings> {
    const { stream, subject, inbox } = this.#options;
    const emptyAtMs = Date.now();
    const { messages, upTo } = await inbox.readLast(stream.name, [subject, stream.marker.subject]);
    if (messages.has(subject)) throw new StreamNotReadyError("the first publication came while nothing was found");
    if (upTo < (since?.offset ?? 0)) throw new StreamNotReadyError("a copy of the stream is behind");
    const isYoung = since?.emptyAtMs !== undefined && since.emptyAtMs >= this.#oldestMs;
    const evidence = since !== null && isYoung && { from: since.offset + 1, anchor: null, isOfEmpty: true };
    return { publications: [], head: { offset: upTo, emptyAtMs }, hasMore: false, evidence };
  }

  /**
   * Asks a copy for the first page while the leader is asked for the head: nearly always that page reaches the head, and a
   * whole way there and back is saved. Never rejects.
   */
  #askEarly(since: Position | null): Promise<EarlyPage> {
    const { stream, subject, inbox } = this.#options;
    const range = this.#firstRange(since);
    return inbox.read({ stream: stream.name, subject, ...range }).then(
      (messages) => ({ range, messages }),
      // It is asked again, by who waits for it and tells why it can't be had.
      () => ({ range, messages: [] }),
    );
  }

  #firstRange(since: Position | null): Range {
    const { direction, limit, limits } = this.#query;
    // Whoever reads backwards learns from the oldest how many there are.
    if (direction === "backward") return { from: 1, count: Math.min(limit + 1, limits.messages, PAGE) };
    return { from: Math.max(since?.offset ?? 0, 1), count: Math.min(limit + 2, PAGE) };
  }

  async #findAfter(since: Position | null, head: number, early: Promise<EarlyPage>): Promise<Findings> {
    const offset = since?.offset ?? 0;
    // What comes after the head is of no channel's past: such a position was never given out.
    if (since !== null && offset >= head) {
      return { publications: [], head: { offset: head }, hasMore: false, evidence: offset === head };
    }
    const { limit, limits, maxBytes } = this.#query;
    const first = await this.#firstPage(early, head);
    const evidence = since !== null && this.#evidenceIn(first, since);
    const behind = (first[0]?.pending ?? 0) + 1;
    const start =
      behind - limits.messages > first.length ? await this.#seekNewest(limits.messages, first, head) : first;
    const { found } = await this.#collect(start, {
      after: offset,
      most: limits.messages,
      oldestMs: this.#oldestMs,
      enough: limit + 1,
      head,
    });
    const publications = withinBytes(found.slice(0, limit), maxBytes);
    return {
      publications: publications.map(toPublication),
      head: { offset: Math.max(head, found.at(-1)?.offset ?? 0) },
      hasMore: publications.length < found.length,
      evidence,
    };
  }

  async #findNewest(head: number, early: Promise<EarlyPage>): Promise<Findings> {
    const { limit, limits, maxBytes } = this.#query;
    const most = Math.min(limit + 1, limits.messages);
    const first = await this.#firstPage(early, head);
    const start = (first[0]?.pending ?? 0) >= most ? await this.#seekNewest(most, first, head) : first;
    const { found, isCut } = await this.#collect(start, {
      after: 0,
      most,
      oldestMs: this.#oldestMs,
      enough: null,
      head,
    });
    // What came in while reading stands at the end.
    const newest = found.slice(-most).reverse();
    const publications = withinBytes(newest.slice(0, limit), maxBytes);
    return {
      publications: publications.map(toPublication),
      head: { offset: Math.max(head, newest[0]?.offset ?? 0) },
      hasMore: isCut || publications.length < newest.length,
      evidence: false,
    };
  }

  #evidenceIn(page: readonly BatchMessage[], { offset, emptyAtMs }: Position): Evidence | false {
    const [anchor] = page;
    if (anchor === undefined || anchor.timeMs < this.#oldestMs) return false;
    const isKept = anchor.offset === offset;
    const after = isKept ? anchor.pending : anchor.pending + 1;
    if (after > this.#query.limits.messages) return false;
    if (isKept) return { from: offset, anchor: offset, isOfEmpty: false };
    if (emptyAtMs === undefined || emptyAtMs < this.#oldestMs) return false;
    return { from: offset + 1, anchor: anchor.offset, isOfEmpty: true };
  }

  async #prove(evidence: Evidence | boolean): Promise<Proof> {
    const { stream, subject, inbox } = this.#options;
    if (typeof evidence === "boolean") {
      const kept = await stream.ask(inbox.link, { seq: 1, next_by_subj: subject });
      return { isProven: evidence, keptFrom: kept?.seq ?? 0 };
    }
    const { from, anchor, isOfEmpty } = evidence;
    const [kept, state] = await Promise.all([
      stream.ask(inbox.link, { seq: from, next_by_subj: subject }),
      isOfEmpty && stream.hasByteLimit ? stream.state(inbox.link) : null,
    ]);
    const isAgreed = (kept?.seq ?? null) === anchor;
    return { isProven: isAgreed && (state === null || state.first_seq <= from), keptFrom: kept?.seq ?? 0 };
  }

  /** Goes on from `start` until there is enough, or the head is reached; keeps what the limits allow. */
  async #collect(start: readonly BatchMessage[], goal: Goal): Promise<Collected> {
    const collected = new Collected(goal, this.#query.maxBytes);
    for (let page = start; ; ) {
      for (const message of page) collected.take(message);
      const last = page.at(-1)?.offset ?? goal.head;
      if (last >= goal.head || collected.isEnough) return collected;
      page = await this.#page({ from: last + 1, count: PAGE }, goal.head);
    }
  }

  /** A page that begins shortly before the newest `count`: a search, because copies only read forwards. */
  async #seekNewest(count: number, first: readonly BatchMessage[], head: number): Promise<readonly BatchMessage[]> {
    let low = first[0]?.offset ?? 1;
    let behind = first[0]?.pending ?? 0;
    let high = head;
    for (let probe = 0; probe < MAX_PROBES && behind > count * 1.2 + GOOD_ENOUGH && high - low > 1; probe++) {
      // As if publications were spread evenly, and a little earlier than that.
      const guess = low + Math.floor((high - low) * (1 - (count * 1.1) / behind));
      const at = Math.min(Math.max(guess, low + 1), high - 1);
      const [found] = await this.#page({ from: at, count: 1 }, head);
      if (found !== undefined && found.pending >= count && found.offset > low) {
        low = found.offset;
        behind = found.pending;
      } else {
        high = at;
      }
    }
    return await this.#page({ from: low, count: Math.min(behind + 2, PAGE) }, head);
  }

  async #firstPage(early: Promise<EarlyPage>, head: number): Promise<readonly BatchMessage[]> {
    const { range, messages } = await early;
    // At the same time as the leader, the copy may have been asked too early; then it is asked again without a pause.
    return reaches(messages, head) ? messages : await this.#page(range, head);
  }

  /** One batch. Asks again while the copy that answers has not heard of `head`, which the leader has. */
  async #page(range: Range, head: number): Promise<readonly BatchMessage[]> {
    const { stream, subject, inbox, endMs } = this.#options;
    for (let attempt = 0; attempt < LAG_TRIES; attempt++) {
      if (performance.now() >= endMs) throw new StreamNotReadyError("there was more to read than its time allowed");
      if (attempt > 0) await pause(LAG_PAUSE_MS);
      const messages = await inbox.read({ stream: stream.name, subject, ...range });
      if (reaches(messages, head)) return messages;
    }
    throw new StreamNotReadyError("the copies of the stream are behind their leader");
  }
}

/** Part of a channel's stream. */
interface Range {
  /** First sequence that counts, at least 1. */
  readonly from: number;
  readonly count: number;
}

interface EarlyPage {
  readonly range: Range;
  /** Empty when it could not be had. */
  readonly messages: readonly BatchMessage[];
}

/** Whether a page goes to the head, or stops before it because of its count or its bytes, which shows in what is pending. */
function reaches(page: readonly BatchMessage[], head: number): boolean {
  const last = page.at(-1);
  return last !== undefined && (last.offset >= head || last.pending > 0);
}

function toPublication({ offset, envelope }: BatchMessage): StoredPublication {
  return { offset, envelope };
}
