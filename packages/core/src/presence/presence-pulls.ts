import type { Cluster, ClusterAnswers } from "../cluster/cluster.ts";
import type { ChannelAddress } from "../ports/bus.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { PresenceChannel } from "./presence-channel.ts";
import type { PresenceCounters } from "./presence-counters.ts";
import {
  type AskedChannel,
  decodeAsked,
  decodeParts,
  encodeAsked,
  encodeParts,
  type NodePart,
  toQuestions,
} from "./presence-parts.ts";

/** What PresencePulls stand on. */
export interface PresencePullsOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly counters: PresenceCounters;
  readonly channels: () => Iterable<PresenceChannel>;
  readonly find: (address: ChannelAddress) => PresenceChannel | undefined;
  /** This node's own part of a channel, all of it announced. */
  readonly partOf: (address: ChannelAddress) => PresenceChannel | undefined;
  /** Version of this node's newest announcement. */
  readonly version: () => number;
  /** Hears when the answers changed who is on a channel. */
  readonly onChange: (of: PresenceChannel) => void;
}

const PARTS = "presence-parts";
const VERSION = "presence-version";

/** How long a first subscriber waits to learn which nodes there are, in ms. */
const SETTLE_MS = 500;

/** How often nodes that have announced something are compared with, so that a lost announcement is noticed, in ms. */
const COMPARE_EVERY_MS = 5000;

/** When a node is asked again that didn't answer, in ms. */
const ASK_AGAIN_MS = 1000;

/** Questions about the channels of one moment go out together, after so long in ms. */
const BATCH_MS = 2;

/** Asks other nodes for their parts of presence channels, and answers them. */
export class PresencePulls {
  readonly #options: PresencePullsOptions;
  readonly #comparing: Timer;
  /** By node: the version up to which everything has been compared. */
  readonly #comparedUpTo = new Map<string, number>();
  #learning: { readonly of: PresenceChannel; readonly resolve: () => void }[] = [];
  /** By node: what is to be asked of it at the end of the batch. */
  readonly #asking = new Map<string, Set<PresenceChannel>>();
  readonly #timers = new Set<Timer>();
  #isClosed = false;

  constructor(options: PresencePullsOptions) {
    const { cluster, clock } = options;
    this.#options = options;
    cluster.handle(PARTS, (_from, body) => this.#answer(decodeAsked(body)));
    cluster.handle(VERSION, () => [options.version()]);
    this.#comparing = clock.every(COMPARE_EVERY_MS, () => this.compareAll());
  }

  /** Asks everybody for their part of a channel of which nothing is known; all who ask in one moment share a question. */
  learn(of: PresenceChannel): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#learning.push({ of, resolve });
      if (this.#learning.length === 1) this.#later(BATCH_MS, () => void this.#learnAll());
    });
  }

  /** Asks one node for its part of a channel, because something of it was missed. */
  catchUp(of: PresenceChannel, nodeId: string): void {
    const asked = this.#asking.get(nodeId);
    if (asked !== undefined) {
      asked.add(of);
      return;
    }
    const channels = new Set([of]);
    this.#asking.set(nodeId, channels);
    this.#later(BATCH_MS, () => {
      this.#asking.delete(nodeId);
      void this.#askNode(nodeId, [...channels]);
    });
  }

  /** Asks one node for all that differs from what is known of it. */
  compare(nodeId: string): void {
    this.#comparedUpTo.delete(nodeId);
    void this.#compareWith(nodeId);
  }

  /** The same for all nodes which have announced something since they were last compared with. */
  compareAll(): void {
    for (const { id, isGateway } of this.#options.cluster.nodes) if (isGateway) void this.#compareWith(id);
    for (const id of this.#comparedUpTo.keys()) if (!this.#isThere(id)) this.#comparedUpTo.delete(id);
  }

  /** Ends all asking. */
  close(): void {
    this.#isClosed = true;
    this.#comparing.cancel();
    for (const timer of this.#timers) timer.cancel();
    for (const { resolve } of this.#learning.splice(0)) resolve();
  }

  async #learnAll(): Promise<void> {
    const batch = this.#learning.splice(0);
    const { cluster } = this.#options;
    await cluster.whenSettled(SETTLE_MS);
    for (const chunk of toQuestions(batch, ({ of }) => of.address)) {
      const channels = chunk.map(({ of }) => of);
      const result = await this.#ask(channels.map(({ address }) => ({ ...address, version: 0 })));
      this.#take(result);
      for (const nodeId of result.missing) this.#missed(nodeId, channels);
      for (const { resolve } of chunk) resolve();
    }
  }

  async #compareWith(nodeId: string): Promise<void> {
    const { cluster } = this.#options;
    const channels = this.#followed();
    if (channels.length === 0) return;
    const { answers } = await cluster.ask(VERSION, null, { nodeId });
    const version = answers[0]?.parts[0];
    if (typeof version !== "number" || version === this.#comparedUpTo.get(nodeId)) return;
    if (await this.#askNode(nodeId, channels)) this.#comparedUpTo.set(nodeId, version);
  }

  /** False when it didn't answer all of it. */
  async #askNode(nodeId: string, channels: readonly PresenceChannel[]): Promise<boolean> {
    let isAnswered = true;
    for (const chunk of toQuestions(channels, ({ address }) => address)) {
      const asked = chunk.map(({ address, state }) => ({ ...address, version: state.versionOf(nodeId) }));
      const result = await this.#ask(asked, nodeId);
      this.#take(result);
      if (result.missing.length === 0) for (const of of chunk) of.unknown.delete(nodeId);
      else {
        this.#missed(nodeId, chunk);
        isAnswered = false;
      }
    }
    return isAnswered;
  }

  async #ask(channels: readonly AskedChannel[], nodeId?: string): Promise<ClusterAnswers> {
    const { cluster, counters } = this.#options;
    counters.pulls++;
    const result = await cluster.ask(PARTS, encodeAsked(channels), nodeId === undefined ? {} : { nodeId });
    if (result.missing.length > 0) counters.pullsIncomplete++;
    return result;
  }

  #take({ answers }: ClusterAnswers): void {
    const { cluster, find, onChange } = this.#options;
    for (const { nodeId, parts } of answers) {
      if (nodeId === cluster.nodeId) continue;
      for (const { version, users, ...address } of decodeParts(parts)) {
        const of = find(address);
        if (of === undefined || of.channel === null) continue;
        of.state.replace(nodeId, version, users);
        onChange(of);
      }
    }
  }

  #missed(nodeId: string, channels: readonly PresenceChannel[]): void {
    for (const of of channels) of.unknown.add(nodeId);
    this.#later(ASK_AGAIN_MS, () => {
      const wanted = channels.filter(({ unknown, channel }) => unknown.has(nodeId) && channel !== null);
      if (wanted.length > 0 && this.#isThere(nodeId)) void this.#askNode(nodeId, wanted);
      else if (!this.#isThere(nodeId)) for (const of of wanted) of.unknown.delete(nodeId);
    });
  }

  #answer(asked: readonly AskedChannel[]): readonly unknown[] {
    const parts: NodePart[] = [];
    for (const { version, ...address } of asked) {
      const of = this.#options.partOf(address);
      const users = of?.state.ownUsers ?? [];
      if (of?.version === version) continue;
      if (of !== undefined && users.length > 0) parts.push({ ...address, version: of.version, users });
      // The asker knows of users who have gone.
      else if (version !== 0) parts.push({ ...address, version: this.#options.version(), users: [] });
    }
    return encodeParts(parts);
  }

  /** The channels on which somebody here listens. */
  #followed(): PresenceChannel[] {
    return [...this.#options.channels()].filter(({ channel, whenKnown }) => channel !== null && whenKnown === null);
  }

  #isThere(nodeId: string): boolean {
    return this.#options.cluster.nodes.some(({ id }) => id === nodeId);
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
