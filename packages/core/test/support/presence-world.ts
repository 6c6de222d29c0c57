import {
  type BusReceiver,
  BusUnavailableError,
  type Channel,
  type ChannelAddress,
  ChannelRegistry,
  EnvelopeTooLargeError,
  GossipPresence,
  isPresenceDelta,
  type Member,
  type PresenceChange,
  type PresenceEntry,
} from "@carillon/core";
import { ClusterWorld, settle, type WorldNode } from "./cluster-world.ts";

/** Settings of a presence world. */
export interface PresenceWorldOptions {
  readonly graceMs?: number;
  readonly listUpTo?: number;
  readonly maxMembers?: number;
  /** What the bus takes. */
  readonly maxBytes?: number;
}

/** A client that has entered a channel: what it was told at first, and after every change since. */
export class Subscriber {
  readonly channel: Channel;
  readonly entry: PresenceEntry;
  /** By user id, the info. null until it has joined. */
  view: Map<string, string | null> | null = null;
  count = 0;
  readonly changes: PresenceChange[] = [];
  /** What should never happen. */
  readonly breaches: string[] = [];
  refusal: string | null = null;

  constructor(entry: PresenceEntry) {
    this.entry = entry;
    this.channel = entry.channel;
  }

  /** Takes in a change as a client would. */
  hear(change: PresenceChange): void {
    const { view } = this;
    if (view === null) return;
    this.changes.push(change);
    const { id } = this.entry.member ?? { id: null };
    for (const { id: joined, info } of change.joined) {
      if (view.has(joined) && view.get(joined) === info && !this.#wasCounting)
        this.breaches.push(`${joined} came twice`);
      if (joined === id && !this.#wasCounting && view.get(joined) === info) this.breaches.push("was told of itself");
      view.set(joined, info);
    }
    for (const left of change.left) if (!view.delete(left)) this.breaches.push(`${left} left and was not there`);
    if (!change.isCountOnly && view.size !== change.count)
      this.breaches.push(`${view.size} known, ${change.count} told`);
    this.#wasCounting = change.isCountOnly;
    if (change.isCountOnly) view.clear();
    this.count = change.count;
  }

  #wasCounting = false;
}

/** One node with presence. */
export class PresenceNode {
  readonly world: PresenceWorld;
  readonly base: WorldNode;
  readonly presence: GossipPresence;
  readonly registry: ChannelRegistry;
  readonly subscribers = new Set<Subscriber>();
  readonly receivers = new Set<BusReceiver>();
  readonly told: PresenceChange[] = [];
  #connections = 0;

  constructor(world: PresenceWorld, base: WorldNode) {
    this.world = world;
    this.base = base;
    const { clock } = world.cluster;
    const bus = {
      get status() {
        return base.bus.status;
      },
      onDoubt: () => () => undefined,
      onStatus: base.bus.onStatus,
      publish: (address: ChannelAddress, bytes: Uint8Array) => world.publish(this, address, bytes),
      subscribe: async (receiver: BusReceiver) => {
        if (world.refusesInterest) throw new BusUnavailableError("away");
        this.receivers.add(receiver);
      },
      unsubscribe: (receiver: BusReceiver) => void this.receivers.delete(receiver),
      close: async () => undefined,
    };
    this.registry = new ChannelRegistry({
      bus,
      clock,
      sink: (channel, bytes) => {
        if (isPresenceDelta(bytes)) this.presence.receive(channel, bytes);
      },
      onReleased: (channel) => this.presence.release(channel),
      lingerMs: 200,
      maxLingering: 10,
      onFailure: () => undefined,
    });
    this.presence = new GossipPresence({
      bus,
      cluster: base.cluster,
      clock,
      graceMs: world.options.graceMs ?? 3000,
      listUpTo: () => world.options.listUpTo ?? 1000,
      hub: {
        announcePresence: (channel, change) => {
          this.told.push(change);
          for (const subscriber of this.subscribers) if (subscriber.channel === channel) subscriber.hear(change);
        },
      },
    });
  }

  get nodeId(): string {
    return this.base.nodeId;
  }

  /** Subscribes a client; its view begins when the subscription stands. */
  enter(name: string, member: Member | null): Subscriber {
    const channel = this.registry.acquire("1", name);
    this.#connections++;
    const maxMembers = this.world.options.maxMembers ?? 0;
    const subscriber = new Subscriber({ channel, connection: this.#connections, member, maxMembers });
    this.subscribers.add(subscriber);
    void this.presence.enter(subscriber.entry).then((result) => {
      if (!this.subscribers.has(subscriber)) return;
      if (!result.ok) {
        subscriber.refusal = result.code;
        this.leave(subscriber, false);
        return;
      }
      const roster = this.presence.rosterOf(channel);
      const { members } = roster.page(null, 10_000);
      subscriber.view = new Map(roster.isCountOnly ? [] : members.map(({ id, info }) => [id, info]));
      subscriber.count = roster.count;
      if (member !== null && !roster.isCountOnly && !subscriber.view.has(member.id))
        subscriber.breaches.push("isn't there itself");
    });
    return subscriber;
  }

  leave(subscriber: Subscriber, isBroken: boolean): void {
    if (!this.subscribers.delete(subscriber)) return;
    this.presence.leave(subscriber.entry, isBroken);
    this.registry.release(subscriber.channel);
  }

  /** Who is on a channel as this node knows. */
  rosterOf(name: string): string[] {
    const channel = this.registry.find("1", name);
    return channel === undefined
      ? []
      : this.presence
          .rosterOf(channel)
          .page(null, 10_000)
          .members.map(({ id }) => id);
  }

  close(): void {
    this.presence.close();
    this.registry.close();
    this.base.cluster.close();
  }
}

/** Nodes with presence on one clock, a lossy bus and a lossy cluster link. */
export class PresenceWorld {
  readonly cluster = new ClusterWorld();
  readonly options: PresenceWorldOptions;
  readonly nodes: PresenceNode[] = [];
  /** Deltas published so far. */
  published = 0;
  /** While true, the bus refuses interest. */
  refusesInterest = false;
  #added = 0;

  constructor(options: PresenceWorldOptions = {}) {
    this.options = options;
  }

  async add(): Promise<PresenceNode> {
    this.#added++;
    const node = new PresenceNode(this, await this.cluster.add(`n${this.#added}`));
    this.nodes.push(node);
    await node.base.cluster.start();
    return node;
  }

  /** A world with so many nodes that know each other. */
  static async start(count: number, options: PresenceWorldOptions = {}): Promise<PresenceWorld> {
    const world = new PresenceWorld(options);
    for (let index = 0; index < count; index++) await world.add();
    await world.run(400);
    return world;
  }

  /** As a kill -9. */
  kill(node: PresenceNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    node.presence.close();
    node.registry.close();
    this.cluster.kill(node.base);
  }

  async publish(from: PresenceNode, { appId, channel }: ChannelAddress, bytes: Uint8Array) {
    if (from.base.bus.status !== "connected") throw new BusUnavailableError("away");
    if (bytes.length > (this.options.maxBytes ?? Number.POSITIVE_INFINITY))
      throw new EnvelopeTooLargeError("too large");
    this.published++;
    const heard = this.nodes.filter(({ nodeId }) => nodeId === from.nodeId || this.cluster.passes(from.nodeId, nodeId));
    const copy = bytes.slice();
    void Promise.resolve().then(() => {
      for (const { receivers } of heard) {
        for (const receiver of [...receivers]) {
          if (receiver.appId === appId && receiver.channel === channel) receiver.receive(copy);
        }
      }
    });
    return { isDuplicate: false };
  }

  run(ms: number): Promise<void> {
    return this.cluster.run(ms);
  }

  /** Users that are on a channel, by what the clients of all nodes do. */
  truth(name: string): string[] {
    const users = new Set<string>();
    for (const { subscribers } of this.nodes) {
      for (const { entry, channel, refusal } of subscribers) {
        if (channel.channel === name && entry.member !== null && refusal === null) users.add(entry.member.id);
      }
    }
    return [...users].sort();
  }

  close(): void {
    for (const node of this.nodes) node.close();
  }
}

export { settle };
