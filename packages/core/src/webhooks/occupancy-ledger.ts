import { isNewer, type OccupancyEntry, type OccupancyKey, partitionOfKey, type Told, textOf } from "./occupancy-key.ts";

/** Something to be told. */
export type Decision =
  | { readonly kind: "occupancy"; readonly key: OccupancyKey; readonly told: Told }
  | { readonly kind: "count"; readonly key: OccupancyKey; readonly count: number };

/** What an OccupancyLedger is made with. */
export interface OccupancyLedgerOptions {
  /** How long nobody must be there before that is told, in ms. */
  readonly graceMs: number;
  /** Names a new line of tellings; never the same twice in the cluster. */
  readonly newEpoch: () => string;
  /** Whether numbers of subscriptions are to be told of a key. */
  readonly wantsCount: (key: OccupancyKey) => boolean;
}

interface Part {
  readonly version: number;
  readonly count: number;
}

interface KeyRecord {
  readonly key: OccupancyKey;
  readonly partition: number;
  readonly parts: Map<string, Part>;
  told: Told | null;
  /** When somebody else last said what was told of it, on the scale of {@link OccupancyLedger.adoptions}; 0: never. */
  adoptedAt: number;
  /** Since when nobody is there who was told to be; null: somebody is, or it was told. */
  vacantSinceMs: number | null;
  /** Null: somebody else told it, who didn't say which. */
  countTold: number | null;
  countAtMs: number;
}

/** Numbers up to this are told at once or after {@link COUNT_EVERY_MS}, larger ones more rarely: Pusher's rule. */
const SMALL_COUNT = 100;
const COUNT_EVERY_MS = 1000;
const LARGE_COUNT_EVERY_MS = 5000;

/** A key at which nobody is any more is remembered for so long, so that what comes late is known to be late. */
const FORGET_AFTER_MS = 10_000;

/**
 * What nodes say of the keys that somebody owns, and what was told of them. Pure: it is told what happened and when.
 *
 * Its laws: of one key, occupied and vacant are told in turns; when nothing changes any more, what was told last is the truth.
 */
export class OccupancyLedger {
  readonly #options: OccupancyLedgerOptions;
  readonly #records = new Map<string, KeyRecord>();
  /** Those about which something may have to be told or forgotten. */
  readonly #open = new Set<KeyRecord>();
  #adoptions = 0;

  constructor(options: OccupancyLedgerOptions) {
    this.#options = options;
  }

  /** Keys that something is known of. */
  get size(): number {
    return this.#records.size;
  }

  /** Rises with each {@link adopt}. */
  get adoptions(): number {
    return this.#adoptions;
  }

  /** True when time alone may bring something to tell or to forget. */
  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** A node says how many it has of some keys. Older news than what is known of it is passed over. */
  report(nodeId: string, version: number, entries: readonly OccupancyEntry[]): void {
    for (const { key, count } of entries) {
      const record = this.#recordOf(key);
      if (version <= (record.parts.get(nodeId)?.version ?? 0)) continue;
      record.parts.set(nodeId, { version, count });
      this.#open.add(record);
    }
  }

  /** A node says all that it has in some partitions: what it doesn't name there, it has none of. */
  replace(
    nodeId: string,
    version: number,
    whole: { readonly partitions: ReadonlySet<number>; readonly entries: readonly OccupancyEntry[] },
  ): void {
    this.report(nodeId, version, whole.entries);
    for (const record of this.#records.values()) {
      const part = record.parts.get(nodeId);
      if (part === undefined || part.version >= version || !whole.partitions.has(record.partition)) continue;
      record.parts.set(nodeId, { version, count: 0 });
      this.#open.add(record);
    }
  }

  /** A node is no more. */
  drop(nodeId: string): void {
    for (const record of this.#records.values()) if (record.parts.delete(nodeId)) this.#open.add(record);
  }

  /** What somebody else has told of a key, where that is news. */
  adopt(key: OccupancyKey, told: Told): void {
    const record = this.#recordOf(key);
    record.adoptedAt = ++this.#adoptions;
    if (!isNewer(told, record.told)) return;
    record.told = told;
    // Long before it told that nobody is there, whoever did told the number.
    record.countTold = told.isOccupied ? null : 0;
    record.vacantSinceMs = null;
    this.#open.add(record);
  }

  /** What nobody else has said since about keys of some partitions counts no more: others told that nobody is there, and have forgotten it. */
  disown(partitions: ReadonlySet<number>, since: number): void {
    for (const record of this.#records.values()) {
      if (record.adoptedAt > since || !partitions.has(record.partition)) continue;
      record.told = null;
      record.countTold = 0;
      record.vacantSinceMs = null;
      this.#open.add(record);
    }
  }

  /** What was told of the keys in some partitions, the newest of each. */
  *toldIn(partitions: ReadonlySet<number>): Generator<{ readonly key: OccupancyKey; readonly told: Told }> {
    for (const { key, partition, told } of this.#records.values()) {
      if (told !== null && partitions.has(partition)) yield { key, told };
    }
  }

  /** Forgets all keys of partitions that are not `kept`. */
  prune(isKept: (partition: number) => boolean): void {
    for (const record of this.#records.values()) if (!isKept(record.partition)) this.#forget(record);
  }

  /** Forgets keys of partitions that are not `mine` of which it was told before `beforeMs` that nobody is there: who decides has forgotten them too. */
  forgetVacant(beforeMs: number, isMine: (partition: number) => boolean): void {
    for (const record of this.#records.values()) {
      const { told, partition } = record;
      if (told?.isOccupied === false && told.atMs < beforeMs && !isMine(partition)) this.#forget(record);
    }
  }

  /** All that is known of some partitions is to be looked at: they are this node's now. */
  open(partitions: ReadonlySet<number>): void {
    for (const record of this.#records.values()) if (partitions.has(record.partition)) this.#open.add(record);
  }

  /** Other nodes than these are no more. */
  dropAllBut(nodeIds: ReadonlySet<string>): void {
    for (const record of this.#records.values()) {
      for (const id of record.parts.keys()) {
        if (nodeIds.has(id)) continue;
        record.parts.delete(id);
        this.#open.add(record);
      }
    }
  }

  /**
   * What is to be told now, in partitions that are `mine`; each counts as told once it is handed out, and what isn't asked for is decided
   * later. Others wait for {@link open}.
   */
  *decide(nowMs: number, isMine: (partition: number) => boolean): Generator<Decision> {
    for (const record of this.#open) {
      if (!isMine(record.partition)) {
        this.#open.delete(record);
        continue;
      }
      const count = totalOf(record);
      const told = this.#occupancyOf(record, count > 0, nowMs);
      if (told !== null) {
        record.told = told;
        yield { kind: "occupancy", key: record.key, told };
      }
      if (this.#isCountDue(record, count, nowMs)) {
        record.countTold = count;
        record.countAtMs = nowMs;
        yield { kind: "count", key: record.key, count };
      }
      this.#closeWhereDone(record, count, nowMs);
    }
  }

  #occupancyOf(record: KeyRecord, isOccupied: boolean, nowMs: number): Told | null {
    const wasOccupied = record.told?.isOccupied === true;
    if (isOccupied === wasOccupied) {
      record.vacantSinceMs = null;
      return null;
    }
    if (!isOccupied) {
      record.vacantSinceMs ??= nowMs;
      if (nowMs - record.vacantSinceMs < this.#options.graceMs) return null;
      record.vacantSinceMs = null;
    }
    const { told } = record;
    if (told === null) return { epoch: this.#options.newEpoch(), epochMs: nowMs, n: 1, isOccupied, atMs: nowMs };
    return { ...told, n: told.n + 1, isOccupied, atMs: nowMs };
  }

  #isCountDue(record: KeyRecord, count: number, nowMs: number): boolean {
    if (count === record.countTold || record.key.userId !== null || !this.#options.wantsCount(record.key)) return false;
    const everyMs = count > SMALL_COUNT ? LARGE_COUNT_EVERY_MS : COUNT_EVERY_MS;
    return nowMs - record.countAtMs >= everyMs;
  }

  #closeWhereDone(record: KeyRecord, count: number, nowMs: number): void {
    if (record.vacantSinceMs !== null) return;
    const isCountPending =
      count !== record.countTold && record.key.userId === null && this.#options.wantsCount(record.key);
    if (isCountPending) return;
    if (count > 0) this.#open.delete(record);
    else if (nowMs - Math.max(record.told?.atMs ?? 0, record.countAtMs) >= FORGET_AFTER_MS) this.#forget(record);
  }

  #recordOf(key: OccupancyKey): KeyRecord {
    const text = textOf(key);
    let record = this.#records.get(text);
    if (record === undefined) {
      const partition = partitionOfKey(key);
      const nothing = { told: null, adoptedAt: 0, vacantSinceMs: null, countTold: 0, countAtMs: 0 };
      record = { key, partition, parts: new Map(), ...nothing };
      this.#records.set(text, record);
    }
    return record;
  }

  #forget(record: KeyRecord): void {
    this.#records.delete(textOf(record.key));
    this.#open.delete(record);
  }
}

function totalOf({ parts }: KeyRecord): number {
  let sum = 0;
  for (const { count } of parts.values()) sum += count;
  return sum;
}
