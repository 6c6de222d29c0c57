import type { Cluster } from "../cluster/cluster.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import { chunksOf, OccupancyExchange } from "./occupancy-exchange.ts";
import { type OccupancyKey, partitionOfKey, type Told } from "./occupancy-key.ts";
import { type Decision, OccupancyLedger } from "./occupancy-ledger.ts";
import { OccupancyReporter } from "./occupancy-reporter.ts";
import {
  decodePartitions,
  decodeReport,
  decodeTold,
  encodeReport,
  encodeTold,
  LOST_KIND,
  PULL_KIND,
  REPORT_KIND,
  type Report,
  TOLD_KIND,
  type ToldEntry,
} from "./occupancy-wire.ts";
import { OwnedPartitions } from "./owned-partitions.ts";

/** What an Occupancy stands on. */
export interface OccupancyOptions {
  /** Must not have started. */
  readonly cluster: Cluster;
  readonly bus: Pick<Bus, "status" | "onStatus">;
  readonly clock: Clock;
  /** How long nobody must be there before that is told, in ms. */
  readonly graceMs: number;
  readonly wantsCount: (key: OccupancyKey) => boolean;
  /** False while as much waits to be told as may: what is to be told is decided later, and what is over by then never. */
  readonly hasRoom: () => boolean;
  /** Hears what is to be told to the app, once in the cluster. */
  readonly onDecision: (decision: Decision) => void;
}

const TICK_MS = 100;
/** A tick that comes so late shows that this process stood still, while others may have taken over what it owns. */
const FROZEN_MS = 2500;
/** After this, what another node asked about and doesn't own here is taken back. */
const CEDED_MS = 2000;
/** What was told lately is told again by whoever takes over, with the same id: the one before may have died in the act. */
const RETELL_MS = 30_000;
/** How often it is looked for parts of nodes that went before anybody had heard of them. */
const CHECK_EVERY_MS = 10_000;
/** Until a node forgets what is neither its own to tell nor its own to remember. */
const PRUNE_AFTER_MS = 30_000;

/**
 * Which channels are occupied, and which users are on presence channels, over all gateways: told once, by one of them.
 *
 * Each key belongs to a partition, each partition to one gateway. All gateways report what they have to the owner, until it
 * has heard them. The owner decides, and lets a second gateway know what it tells. Whoever becomes owner first asks all
 * others for what they have and what they know to be told, and decides nothing before they have answered.
 */
export class Occupancy {
  readonly #options: OccupancyOptions;
  readonly #ledger: OccupancyLedger;
  readonly #reporter: OccupancyReporter;
  readonly #exchange: OccupancyExchange;
  readonly #nodeId: string;
  readonly #owned: OwnedPartitions;
  #epochs = 0;
  #ticking: Timer | null = null;
  #tickedAtMs = 0;
  #checkedAtMs = 0;
  #mustRegain = true;
  /** Partitions that somebody else may have looked after, because this node was held for lost. */
  readonly #outdated = new Set<number>();
  /** What is told again, oldest first, as far as there was no room for it yet. */
  #retelling: readonly Decision[] = [];
  readonly #timers = new Set<Timer>();
  readonly #stops: readonly (() => void)[];
  #isClosed = false;

  constructor(options: OccupancyOptions) {
    const { cluster, bus, clock, graceMs, wantsCount } = options;
    this.#options = options;
    this.#nodeId = cluster.nodeId;
    this.#owned = new OwnedPartitions(this.#nodeId);
    this.#ledger = new OccupancyLedger({
      graceMs,
      wantsCount,
      newEpoch: () => `${clock.now()}-${this.#nodeId}-${++this.#epochs}`,
    });
    this.#exchange = new OccupancyExchange(cluster, clock);
    this.#reporter = new OccupancyReporter({
      cluster,
      clock,
      ownerOf: (partition) => this.#owned.ownersOf(partition).owner,
      send: (nodeId, version, entries) => this.#report(nodeId, { version, entries }),
    });
    cluster.handle(REPORT_KIND, (from, body) => {
      const report = decodeReport(body);
      if (report !== null) this.#take(from, report);
      return [];
    });
    cluster.handle(TOLD_KIND, (_from, body) => {
      for (const { key, told } of decodeTold(body) ?? []) this.#ledger.adopt(key, told);
      this.#beginToTick();
      return [];
    });
    cluster.handle(LOST_KIND, (from) => {
      this.#catchUp(from);
      return undefined;
    });
    cluster.handle(PULL_KIND, (_from, body) => this.#answerPull(decodePartitions(body) ?? new Set()));
    this.#stops = [
      cluster.onAppeared(({ id, isGateway }, wasLost) => isGateway && this.#onAppeared(id, wasLost)),
      cluster.onGone(({ id, isGateway }) => {
        this.#ledger.drop(id);
        if (isGateway) this.#reckon();
      }),
      bus.onStatus(() => {
        this.#mustRegain = true;
      }),
    ];
  }

  /** A connection more (1) or less (-1) for a key here. `isCountWanted`: the owner is told of every change. */
  change(key: OccupancyKey, by: 1 | -1, isCountWanted: boolean): void {
    this.#reporter.change(key, by, isCountWanted);
    this.#beginToTick();
  }

  /** How many connections there are for a key here. */
  countOf(key: OccupancyKey): number {
    return this.#reporter.countOf(key);
  }

  /** Keys that this node knows something of, as an owner or as a second. */
  get known(): number {
    return this.#ledger.size;
  }

  /** What this node has told to be occupied, and looks after; as it is when it is asked for the next one. */
  *occupied(): Generator<{ readonly key: OccupancyKey; readonly told: Told }> {
    for (const entry of this.#ledger.toldIn(this.#owned.ready)) if (entry.told.isOccupied) yield entry;
  }

  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    for (const timer of this.#timers) timer.cancel();
    this.#ticking?.cancel();
    this.#exchange.close();
    this.#reporter.close();
  }

  /** From the first key on: where no app wants to be told, nothing ever ticks. */
  #beginToTick(): void {
    if (this.#ticking !== null || this.#isClosed) return;
    this.#tickedAtMs = this.#options.clock.monotonic();
    this.#ticking = this.#options.clock.every(TICK_MS, () => this.#tick());
  }

  #take(from: string, { version, entries }: Report): void {
    this.#ledger.report(from, version, entries);
    this.#beginToTick();
  }

  #tick(): void {
    const { clock, cluster, bus, hasRoom, onDecision } = this.#options;
    const nowMs = clock.monotonic();
    if (nowMs - this.#tickedAtMs > FROZEN_MS) this.#mustRegain = true;
    this.#tickedAtMs = nowMs;
    // Cut off, or not sure who lives: others may own what this node believes to own.
    if (!cluster.isSettled || bus.status !== "connected") {
      this.#mustRegain = true;
      this.#owned.doubtAll();
      return;
    }
    if (this.#mustRegain) {
      this.#mustRegain = false;
      this.#owned.doubtAll();
      this.#reckon();
      this.#gain(this.#owned.mine());
    }
    if (nowMs - this.#checkedAtMs > CHECK_EVERY_MS) {
      this.#checkedAtMs = nowMs;
      this.#ledger.dropAllBut(new Set([this.#nodeId, ...cluster.nodes.map(({ id }) => id)]));
      // What was told later may have to be told again.
      this.#ledger.forgetVacant(clock.now() - RETELL_MS, (partition) => this.#owned.isMine(partition));
    }
    if (this.#retelling.length > 0) this.#tellAgain();
    if (!this.#ledger.isOpen || this.#retelling.length > 0 || !hasRoom()) return;
    const told: ToldEntry[] = [];
    for (const decision of this.#ledger.decide(clock.now(), (partition) => this.#owned.isReady(partition))) {
      if (decision.kind === "occupancy") told.push(decision);
      onDecision(decision);
      if (!hasRoom()) break;
    }
    this.#entrust(told);
  }

  #tellAgain(): void {
    const { hasRoom, onDecision } = this.#options;
    let count = 0;
    for (const decision of this.#retelling) {
      if (!hasRoom()) break;
      count++;
      // Whoever owns it now tells it again as well.
      if (this.#owned.isReady(partitionOfKey(decision.key))) onDecision(decision);
    }
    this.#retelling = this.#retelling.slice(count);
  }

  #onAppeared(id: string, wasLost: boolean): void {
    // Before what it is entrusted with.
    if (wasLost) this.#options.cluster.tell(LOST_KIND, null, id);
    this.#reckon();
    // What it reported was forgotten here when it was lost. Whoever is about to regain asks all others anyway.
    if (wasLost && !this.#mustRegain) void this.#pull(id, this.#owned.mine());
  }

  /** Another gateway held this one for lost. What that one owns it is about to tell; what this one owns others may have told meanwhile, and forgotten. */
  #catchUp(from: string): void {
    if (this.#ticking === null) return;
    this.#ledger.prune((partition) => this.#owned.ownersOf(partition).owner !== from);
    for (const partition of this.#owned.mine()) this.#outdated.add(partition);
    this.#mustRegain = true;
  }

  /** Reckons anew who owns what. */
  #reckon(): void {
    const { gained, movedElsewhere, entrustedAnew } = this.#owned.reckon(this.#gateways());
    for (const partition of this.#outdated) if (!this.#owned.isMine(partition)) this.#outdated.delete(partition);
    this.#gain(gained);
    this.#reporter.repeat(movedElsewhere);
    this.#entrust([...this.#ledger.toldIn(entrustedAnew)]);
    this.#wakeOwners(movedElsewhere);
    this.#later(PRUNE_AFTER_MS, () => {
      this.#ledger.prune((partition) => {
        const { owner, standby } = this.#owned.ownersOf(partition);
        return owner === this.#nodeId || standby === this.#nodeId;
      });
    });
  }

  /** One that has just come does nothing before it hears of a key, and nobody reports what only a dead gateway had. Then it asks for the rest. */
  #wakeOwners(partitions: ReadonlySet<number>): void {
    const byOwner = new Map<string, ToldEntry>();
    for (const entry of this.#ledger.toldIn(partitions)) {
      byOwner.set(this.#owned.ownersOf(partitionOfKey(entry.key)).owner, entry);
    }
    for (const [nodeId, entry] of byOwner) void this.#exchange.entrust(nodeId, [entry]);
  }

  /** Learns all about partitions that are this node's now. */
  #gain(partitions: ReadonlySet<number>): void {
    if (partitions.size === 0 || this.#mustRegain) return;
    const inquiry = this.#owned.inquire(partitions);
    const { adoptions } = this.#ledger;
    void Promise.all(this.#gateways().map((id) => this.#pull(id, partitions))).then(() => {
      if (this.#isClosed) return;
      const own = this.#reporter.wholeOf(partitions);
      this.#ledger.replace(this.#nodeId, own.version, { partitions, entries: own.entries });
      const ready = this.#owned.conclude(inquiry);
      const outdated = new Set([...ready].filter((partition) => this.#outdated.delete(partition)));
      if (outdated.size > 0) this.#ledger.disown(outdated, adoptions);
      this.#ledger.open(ready);
      this.#retell(ready);
    });
  }

  /** What was told just before the change of owner may not have reached the queue; under the same id it does no harm. */
  #retell(partitions: ReadonlySet<number>): void {
    const { clock } = this.#options;
    const all = [...this.#ledger.toldIn(partitions)];
    this.#entrust(all);
    const recent = all.filter(({ told }) => clock.now() - told.atMs < RETELL_MS);
    recent.sort((a, b) => a.told.atMs - b.told.atMs);
    const again = recent.map(({ key, told }): Decision => ({ kind: "occupancy", key, told }));
    this.#retelling = [...this.#retelling, ...again];
    this.#tellAgain();
    if (all.length > 0) this.#beginToTick();
  }

  async #pull(nodeId: string, partitions: ReadonlySet<number>): Promise<void> {
    const parts = await this.#exchange.pull(nodeId, partitions);
    if (parts !== null) this.#takePart(nodeId, partitions, parts);
  }

  async #report(nodeId: string, report: Report): Promise<boolean> {
    if (nodeId !== this.#nodeId) return await this.#exchange.report(nodeId, report);
    this.#take(nodeId, report);
    return true;
  }

  #takePart(nodeId: string, partitions: ReadonlySet<number>, parts: readonly unknown[]): void {
    let version = 0;
    const entries = [];
    for (const part of parts) {
      const [kind, body] = Array.isArray(part) ? part : [];
      const report = kind === "r" ? decodeReport(body) : null;
      if (report !== null) {
        version = report.version;
        entries.push(...report.entries);
      }
      if (kind === "t") for (const { key, told } of decodeTold(body) ?? []) this.#ledger.adopt(key, told);
    }
    this.#ledger.replace(nodeId, version, { partitions, entries });
  }

  /** Somebody believes to own these partitions: from now on this node tells nothing of them. */
  #answerPull(partitions: ReadonlySet<number>): unknown[] {
    // It may know fewer nodes than this one does. When both know the same, one of them has nothing to take back.
    if (this.#owned.cede(partitions)) {
      this.#later(CEDED_MS, () => {
        const mine = [...partitions].filter((partition) => this.#owned.isMine(partition));
        this.#gain(new Set(mine.filter((partition) => !this.#owned.isReady(partition))));
      });
    }
    const { version, entries } = this.#reporter.wholeOf(partitions);
    const told = [...this.#ledger.toldIn(partitions)];
    return [
      ["r", encodeReport({ version, entries: [] })],
      ...chunksOf(entries).map((chunk) => ["r", encodeReport({ version, entries: chunk })]),
      ...chunksOf(told).map((chunk) => ["t", encodeTold(chunk)]),
    ];
  }

  /** Lets the second of each partition know what was told. */
  #entrust(entries: readonly ToldEntry[]): void {
    const byNode = new Map<string, ToldEntry[]>();
    for (const entry of entries) {
      const { standby } = this.#owned.ownersOf(partitionOfKey(entry.key));
      if (standby === null) continue;
      const batch = byNode.get(standby) ?? [];
      batch.push(entry);
      byNode.set(standby, batch);
    }
    for (const [nodeId, batch] of byNode)
      for (const chunk of chunksOf(batch)) void this.#exchange.entrust(nodeId, chunk);
  }

  #gateways(): string[] {
    return this.#options.cluster.nodes.filter(({ isGateway }) => isGateway).map(({ id }) => id);
  }

  #later(delayMs: number, task: () => void): void {
    if (this.#isClosed) return;
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      task();
    });
    this.#timers.add(timer);
  }
}
