import type { Cluster } from "../cluster/cluster.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import { type OccupancyEntry, type OccupancyKey, partitionOfKey, textOf } from "./occupancy-key.ts";

/** What an OccupancyReporter stands on. */
export interface OccupancyReporterOptions {
  readonly cluster: Pick<Cluster, "nodeId">;
  readonly clock: Clock;
  /** Who is to be told of a partition now. */
  readonly ownerOf: (partition: number) => string;
  /** Brings a report to a node; resolves with whether it has it. Never rejects. */
  readonly send: (nodeId: string, version: number, entries: readonly OccupancyEntry[]) => Promise<boolean>;
}

interface Local {
  readonly key: OccupancyKey;
  readonly partition: number;
  count: number;
}

/** Changes are gathered for so long: a storm of subscribers to a few channels makes a few entries. */
const GATHER_MS = 20;
const RETRY_MS = 250;
/** Names of channels and users have at most about 500 bytes: so many entries always fit a message. */
export const ENTRIES_PER_MESSAGE = 100;

/** How many connections this node has for each key, and the telling of the owners until they have heard it. */
export class OccupancyReporter {
  readonly #options: OccupancyReporterOptions;
  readonly #local = new Map<string, Local>();
  /** What its owner has not confirmed yet. */
  readonly #dirty = new Map<string, Local>();
  readonly #busy = new Set<string>();
  #version = 0;
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(options: OccupancyReporterOptions) {
    this.#options = options;
  }

  /** A connection more (1) or less (-1). `isCountWanted`: every change is told, not only the first and the last. */
  change(key: OccupancyKey, by: 1 | -1, isCountWanted: boolean): void {
    const text = textOf(key);
    let local = this.#local.get(text);
    if (local === undefined) {
      // One that came before anybody wanted to know of it.
      if (by === -1) return;
      local = this.#dirty.get(text) ?? { key, partition: partitionOfKey(key), count: 0 };
      this.#local.set(text, local);
    }
    const wasThere = local.count > 0;
    local.count += by;
    if (local.count === 0) this.#local.delete(text);
    if (isCountWanted || wasThere !== local.count > 0) this.#mark(text, local);
  }

  /** How many connections there are for a key here. */
  countOf(key: OccupancyKey): number {
    return this.#local.get(textOf(key))?.count ?? 0;
  }

  /** All of it in some partitions, with the version that it has now. */
  wholeOf(partitions: ReadonlySet<number>): { readonly version: number; readonly entries: readonly OccupancyEntry[] } {
    this.#version++;
    const entries: OccupancyEntry[] = [];
    for (const { key, partition, count } of this.#local.values())
      if (partitions.has(partition)) entries.push({ key, count });
    return { version: this.#version, entries };
  }

  /** Tells all of some partitions again: they have another owner. */
  repeat(partitions: ReadonlySet<number>): void {
    for (const [text, local] of this.#local) if (partitions.has(local.partition)) this.#mark(text, local);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #mark(text: string, local: Local): void {
    this.#dirty.set(text, local);
    this.#schedule(GATHER_MS);
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed) return;
    this.#timer ??= this.#options.clock.after(delayMs, () => {
      this.#timer = null;
      this.#flush();
    });
  }

  #flush(): void {
    const byOwner = new Map<string, [string, Local][]>();
    for (const each of this.#dirty) {
      const owner = this.#options.ownerOf(each[1].partition);
      // One report at a time to each, so that they arrive in their order.
      if (this.#busy.has(owner)) continue;
      const batch = byOwner.get(owner) ?? [];
      if (batch.length < ENTRIES_PER_MESSAGE) batch.push(each);
      byOwner.set(owner, batch);
    }
    for (const [owner, batch] of byOwner) void this.#send(owner, batch);
  }

  async #send(owner: string, batch: readonly (readonly [string, Local])[]): Promise<void> {
    this.#busy.add(owner);
    this.#version++;
    const entries = batch.map(([, { key, count }]) => ({ key, count }));
    for (const [text] of batch) this.#dirty.delete(text);
    const hasHeard = await this.#options.send(owner, this.#version, entries);
    this.#busy.delete(owner);
    // Unless it has changed once more, and is told anyway. One that was gone may be there again as another, which a new owner has heard of.
    if (!hasHeard) {
      for (const [text, local] of batch)
        if (!this.#dirty.has(text)) this.#dirty.set(text, this.#local.get(text) ?? local);
    }
    if (this.#dirty.size > 0) this.#schedule(hasHeard ? 0 : RETRY_MS);
  }
}
