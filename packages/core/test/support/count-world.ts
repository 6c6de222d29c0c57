import {
  type BusReceiver,
  BusUnavailableError,
  type Channel,
  type ChannelAddress,
  ChannelRegistry,
  SubscriberCounts,
} from "@carillon/core";
import { ClusterWorld, type WorldNode } from "./cluster-world.ts";
import { createApp } from "./test-node.ts";

const APP = createApp({ subscriptionCount: true });

/** One node that counts subscribers. Subscriptions are numbers here; there are no clients. */
export class CountNode {
  readonly base: WorldNode;
  /** What subscribers were last told, by channel. */
  readonly told = new Map<string, number>();
  readonly receivers = new Set<BusReceiver>();
  tellings = 0;
  readonly #held: Channel[] = [];
  readonly #counts: SubscriberCounts;
  readonly #registry: ChannelRegistry;
  readonly #doubts = new Set<(lossMs: number) => void>();

  constructor(world: CountWorld, base: WorldNode) {
    this.base = base;
    const { clock } = world.cluster;
    const bus = {
      get status() {
        return base.bus.status;
      },
      onDoubt: (listener: (lossMs: number) => void) => {
        this.#doubts.add(listener);
        return () => this.#doubts.delete(listener);
      },
      onStatus: base.bus.onStatus,
      publish: (address: ChannelAddress, bytes: Uint8Array) => world.publish(this, address, bytes),
      subscribe: async (receiver: BusReceiver) => void this.receivers.add(receiver),
      unsubscribe: (receiver: BusReceiver) => void this.receivers.delete(receiver),
      close: async () => undefined,
    };
    this.#counts = new SubscriberCounts({
      bus,
      cluster: base.cluster,
      clock,
      tell: ({ channel }, count) => {
        this.tellings++;
        this.told.set(channel, count);
      },
    });
    this.#registry = new ChannelRegistry({
      bus,
      clock,
      sink: (channel, bytes) => this.#counts.receive(channel, bytes),
      onReleased: (channel) => this.#counts.release(channel),
      lingerMs: 200,
      maxLingering: 2,
      onFailure: () => undefined,
    });
  }

  /** Subscriptions to a channel that stand here. */
  subscribers(name: string): number {
    return this.#held.filter(({ channel }) => channel === name).length;
  }

  async subscribe(name: string): Promise<void> {
    const channel = this.#registry.acquire(APP.id, name);
    await channel.whenHeld;
    this.#held.push(channel);
    channel.subscribersByCodec[0] = (channel.subscribersByCodec[0] ?? 0) + 1;
    this.#counts.changed(APP, channel);
  }

  unsubscribe(name: string): void {
    const index = this.#held.findIndex(({ channel }) => channel === name);
    const [channel] = index === -1 ? [] : this.#held.splice(index, 1);
    if (channel === undefined) return;
    channel.subscribersByCodec[0] = (channel.subscribersByCodec[0] ?? 0) - 1;
    this.#counts.changed(APP, channel);
    this.#registry.release(channel);
  }

  /** Servers of the bus had lost each other. */
  doubt(): void {
    for (const listener of this.#doubts) listener(1000);
  }

  close(): void {
    this.#counts.close();
    this.#registry.close();
  }
}

/** Nodes that count, on one clock, a lossy bus and a lossy cluster link. */
export class CountWorld {
  readonly cluster = new ClusterWorld();
  readonly nodes: CountNode[] = [];
  /** Announcements published so far. */
  published = 0;
  #added = 0;

  static async start(count: number): Promise<CountWorld> {
    const world = new CountWorld();
    for (let index = 0; index < count; index++) await world.add();
    await world.cluster.run(400);
    return world;
  }

  async add(): Promise<void> {
    this.#added++;
    const base = await this.cluster.add(`n${this.#added}`);
    this.nodes.push(new CountNode(this, base));
    await base.cluster.start();
  }

  /** The node at a place of those that live, counted on from the first one again. */
  at(index: number): CountNode {
    return this.nodes[index % this.nodes.length] as CountNode;
  }

  /** As a kill -9. */
  kill(node: CountNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    node.close();
    this.cluster.kill(node.base);
  }

  async publish(from: CountNode, { appId, channel }: ChannelAddress, bytes: Uint8Array) {
    if (from.base.bus.status !== "connected") throw new BusUnavailableError("away");
    this.published++;
    const passes = (to: CountNode) => from === to || this.cluster.passes(from.base.nodeId, to.base.nodeId);
    const heard = this.nodes.filter(passes);
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

  /** Subscriptions to a channel in all. */
  truth(name: string): number {
    return this.nodes.reduce((sum, node) => sum + node.subscribers(name), 0);
  }

  close(): void {
    for (const node of this.nodes) node.close();
    this.cluster.close();
  }
}
