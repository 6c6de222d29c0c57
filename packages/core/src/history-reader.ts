import type { HistoryCounters } from "./history-counters.ts";
import type { ChannelAddress } from "./ports/bus.ts";
import {
  type HistoryLimits,
  type HistoryPage,
  type HistoryQuery,
  type HistoryStore,
  HistoryUnavailableError,
  type Position,
  type StoredPublication,
} from "./ports/history-store.ts";

/** Reads that are under way at a time; more than about a hundred only queue up in the store (measured on JetStream). */
const MAX_CONCURRENT = 64;
/** Reads that wait for their turn; beyond that the node can't keep up, and they fail at once. */
const MAX_WAITING = 10_000;
const PAGE_SIZE = 1000;
/** A store may tell of a head that came while it was reading; so often it is asked for the rest. */
const MAX_CATCHES = 3;

/** What a HistoryReader stands on. */
export interface HistoryReaderOptions {
  readonly store: HistoryStore;
  readonly counters: HistoryCounters;
}

/** Everything after a position, as far as it was read. */
export interface HistoryTail {
  readonly since: Position;
  /** Neighbours in the stream, oldest first. */
  readonly publications: readonly StoredPublication[];
  /** The newest position when the last page was read. */
  readonly head: Position;
  /** True: nothing is missing between `since` and the first publication. */
  readonly isReachable: boolean;
  /** True when the bound cut it short. */
  readonly hasMore: boolean;
}

/** Which tail to read. */
export interface TailQuery {
  readonly limits: HistoryLimits;
  readonly since: Position;
  /** Most publications to read. */
  readonly most: number;
  /** Most bytes of envelopes, give or take one publication. Absent: as many as there are. */
  readonly maxBytes?: number | undefined;
}

/** This node's reads of the store: a bounded number at a time, and whole tails out of pages. */
export class HistoryReader {
  readonly #store: HistoryStore;
  readonly #counters: HistoryCounters;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: HistoryReaderOptions) {
    this.#store = options.store;
    this.#counters = options.counters;
  }

  /** Reads one page. Rejects with HistoryUnavailableError. */
  async read(address: ChannelAddress, query: HistoryQuery): Promise<HistoryPage> {
    return await this.#counted(() => this.#store.read({ appId: address.appId, channel: address.channel }, query));
  }

  /** The newest position of each channel; see {@link HistoryStore.heads}. Counts as one read. */
  async heads(addresses: readonly ChannelAddress[]): Promise<readonly Position[]> {
    return await this.#counted(() => this.#store.heads(addresses));
  }

  /** Reads everything after a position up to the head, or to a bound. Rejects as {@link read}. */
  async readTail(
    address: ChannelAddress,
    { limits, since, most, maxBytes = Number.POSITIVE_INFINITY }: TailQuery,
  ): Promise<HistoryTail> {
    let publications: StoredPublication[] = [];
    let bytes = 0;
    let from = since;
    let catches = 0;
    for (;;) {
      const limit = Math.min(PAGE_SIZE, most + 1 - publications.length);
      const query = { limits, since: from, limit, direction: "forward" } as const;
      const page = await this.read(address, bounded(query, maxBytes - bytes));
      const { head, hasMore } = page;
      if (head.epoch !== since.epoch) return { since, publications: [], head, isReachable: false, hasMore: false };
      if (!page.isReachable) {
        // Of what was read before, something after it is gone meanwhile: it is no neighbour of this page.
        return { since, publications: page.publications, head, isReachable: false, hasMore };
      }
      publications = publications.concat(page.publications);
      bytes += bytesOf(page);
      const end = publications.at(-1)?.offset ?? since.offset;
      if (publications.length > most || (hasMore && bytes >= maxBytes)) {
        return { since, publications: publications.slice(0, most), head, isReachable: true, hasMore: true };
      }
      if (!hasMore) catches++;
      const isAtHead = head.offset <= end || head.emptyAtMs !== undefined;
      if (!hasMore && (isAtHead || catches >= MAX_CATCHES)) {
        return { since, publications, head, isReachable: true, hasMore: false };
      }
      if (publications.length > 0) from = { epoch: since.epoch, offset: end };
    }
  }

  /** Reads the newest `limit` publications, or fewer that have `maxBytes`, oldest first. Rejects as {@link read}. */
  async readNewest(
    address: ChannelAddress,
    { limits, limit, maxBytes }: Pick<TailQuery, "limits" | "maxBytes"> & { readonly limit: number },
  ): Promise<HistoryPage> {
    const page = await this.read(address, bounded({ limits, since: null, limit, direction: "backward" }, maxBytes));
    return { ...page, publications: [...page.publications].reverse() };
  }

  async #counted<T>(read: () => Promise<T>): Promise<T> {
    await this.#enter();
    this.#counters.reads++;
    try {
      return await read();
    } catch (error) {
      this.#counters.readFailures++;
      throw error;
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < MAX_CONCURRENT) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) {
      throw new HistoryUnavailableError("this node has too many reads of histories under way: try again");
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    // The place goes straight to the next, so that nobody slips in between.
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}

function bounded(query: HistoryQuery, maxBytes = Number.POSITIVE_INFINITY): HistoryQuery {
  return maxBytes === Number.POSITIVE_INFINITY ? query : { ...query, maxBytes: Math.max(maxBytes, 0) };
}

function bytesOf({ publications }: HistoryPage): number {
  return publications.reduce((sum, { envelope }) => sum + envelope.length, 0);
}
