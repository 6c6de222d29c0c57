import { type Block, BlockList, type BlockStoreStatus, BlocksUnavailableError } from "@carillon/core";
import { decodeBlockRecord } from "./block-record.ts";
import { type BlockStream, NoJetStreamError, type StreamReach } from "./block-stream.ts";
import { HistoryBatchInbox } from "./history-batch.ts";
import type { Link } from "./link.ts";
import type { NatsLog } from "./log.ts";

/** What a BlockFollower stands on. */
export interface BlockFollowerOptions {
  readonly stream: BlockStream;
  readonly list: BlockList;
  readonly log: NatsLog;
  /** The connection to use now; null while there is none. */
  readonly link: () => Link | null;
  /** Hears of blocks that have just come into the list. */
  readonly onBlocked: (blocks: readonly Block[]) => void;
}

// Signs of something new may get lost between servers, and with a leader that dies: whoever missed one finds out by then.
const CHECK_MS = 10_000;
const RETRY_MS = 250;
const MAX_RETRY_MS = 5_000;
const PAGE = 1_000;

/**
 * Keeps a list of blocks like the stream. Each look asks the stream's leader how far it goes (one request), and reads what is
 * new, which the leader confirms to be all. A sign of something new, every ten seconds, and whoever wants to be sure make it
 * look. After a break of the connection, and after a look that failed, it loads everything anew.
 *
 * Cost: with n processes, a new block costs 2n requests; nothing happening, n / 10 a second.
 */
export class BlockFollower {
  readonly #options: BlockFollowerOptions;
  readonly #waiting = new Set<() => void>();
  #status: BlockStoreStatus = "loading";
  /** How far the list goes; null: to be loaded anew. */
  #position: StreamReach | null = null;
  /** Times that the connection was in doubt: what a look has found over an earlier one may miss what came after. */
  #doubts = 0;
  #look: Promise<void> | null = null;
  #nextLook: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #retryMs = RETRY_MS;
  #inbox: HistoryBatchInbox | null = null;
  #isClosed = false;
  #hasWarned = false;

  constructor(options: BlockFollowerOptions) {
    this.#options = options;
  }

  get status(): BlockStoreStatus {
    return this.#status;
  }

  /** Resolves when the status is no longer `loading`, at the latest after `timeoutMs`. */
  whenLoaded(timeoutMs: number): Promise<void> {
    if (this.#status !== "loading") return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiting.add(done);
    });
  }

  /** Resolves when the list has everything that was stored before the call. Rejects with BlocksUnavailableError. */
  refresh(): Promise<void> {
    if (this.#nextLook !== null) return this.#nextLook;
    if (this.#look === null) return this.#begin();
    // The one under way may have looked before the call.
    const begin = () => this.#begin();
    this.#nextLook = this.#look.then(begin, begin);
    return this.#nextLook;
  }

  /** There may be something new: looks, and reports trouble by the status. */
  check(): void {
    this.refresh().catch(() => undefined);
  }

  /** The connection broke, or another one takes its place: what came meanwhile is unknown. */
  doubt(): void {
    this.#doubts++;
    this.#position = null;
    this.#inbox?.abandon();
    if (this.#status === "current") this.#status = "stale";
  }

  /** Lets go of timers and of the subscription for answers. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#inbox?.close();
    this.#inbox = null;
    for (const done of [...this.#waiting]) done();
  }

  #begin(): Promise<void> {
    this.#nextLook = null;
    const look = this.#run().finally(() => {
      if (this.#look === look) this.#look = null;
    });
    this.#look = look;
    return look;
  }

  async #run(): Promise<void> {
    const doubts = this.#doubts;
    try {
      await this.#catchUp();
      if (doubts !== this.#doubts) throw new BlocksUnavailableError("the connection to NATS broke");
      this.#retryMs = RETRY_MS;
      this.#become("current");
      this.#plan(CHECK_MS);
    } catch (error) {
      this.#position = null;
      const isAbsent = error instanceof NoJetStreamError;
      if (this.#status === "current") this.#status = "stale";
      if (this.#status === "loading" && isAbsent) this.#become("absent");
      this.#warn(error);
      this.#plan(isAbsent ? CHECK_MS : this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
      if (error instanceof BlocksUnavailableError) throw error;
      const reason = error instanceof Error ? error.message : "NATS is away";
      throw new BlocksUnavailableError(`the store of blocks can't be reached: ${reason}`, { cause: error });
    }
  }

  async #catchUp(): Promise<void> {
    const { stream, list } = this.#options;
    const link = this.#options.link();
    if (link === null) throw new BlocksUnavailableError("NATS is not connected");
    const before = this.#position;
    const reach = (await stream.reach(link)) ?? { created: "", last: 0 };
    const isSame = before !== null && before.created === reach.created && before.last <= reach.last;
    if (!isSame) {
      if (before !== null && before.created !== "")
        this.#options.log.warn("block_stream_replaced", { stream: stream.name });
      const loaded = new BlockList(Date.now);
      const last = await this.#read(link, { from: 0, to: reach.last }, loaded);
      this.#options.onBlocked(list.replaceWith(loaded));
      this.#position = { created: reach.created, last };
      return;
    }
    if (before.last < reach.last) {
      const last = await this.#read(link, { from: before.last, to: reach.last }, list);
      this.#position = { created: reach.created, last };
    }
    list.sweep();
  }

  /** Reads what comes after `from`, at least up to `to`, into `list`. Answers how far it came. */
  async #read(
    link: Link,
    { from, to }: { readonly from: number; readonly to: number },
    list: BlockList,
  ): Promise<number> {
    let last = from;
    while (last < to) {
      // The leader misses nothing, one message at a time; copies give many at a time, and may be behind.
      const found = await this.#options.stream.next(link, last + 1);
      if (found === null) return to;
      this.#take(list, [{ offset: found.seq, envelope: Buffer.from(found.data ?? "", "base64") }]);
      last = found.seq;
      while (last < to) {
        const page = await this.#page(link, last + 1);
        this.#take(list, page);
        const end = page.at(-1)?.offset;
        if (end === undefined) break;
        last = end;
      }
    }
    return last;
  }

  #page(link: Link, from: number) {
    if (this.#inbox?.link !== link) {
      this.#inbox?.close();
      this.#inbox = new HistoryBatchInbox(link);
    }
    const { name, filter } = this.#options.stream;
    return this.#inbox.read({ stream: name, subject: filter, from, count: PAGE });
  }

  #take(list: BlockList, messages: readonly { readonly offset: number; readonly envelope: Uint8Array }[]): void {
    const fresh: Block[] = [];
    for (const { offset, envelope } of messages) {
      const record = decodeBlockRecord(envelope);
      if (record === null) {
        this.#options.log.warn("block_unreadable", { stream: this.#options.stream.name, offset });
      } else if ("removed" in record) {
        list.remove(record.removed, offset);
      } else {
        const block = { ...record.block, revision: offset };
        if (list.put(block)) fresh.push(block);
      }
    }
    if (fresh.length > 0 && list === this.#options.list) this.#options.onBlocked(fresh);
  }

  #become(status: "current" | "absent"): void {
    const before = this.#status;
    this.#status = status;
    for (const done of [...this.#waiting]) done();
    if (status === "absent" || before === "current") return;
    this.#hasWarned = false;
    this.#options.log.info("blocks_loaded", { blocks: this.#options.list.size });
  }

  /** Once for each time that it goes away. */
  #warn(error: unknown): void {
    if (this.#hasWarned || this.#isClosed) return;
    this.#hasWarned = true;
    this.#options.log.warn("blocks_unavailable", { status: this.#status, error });
  }

  #plan(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.check(), ms * (0.75 + Math.random() / 2)).unref();
  }
}
