import {
  type BusStatus,
  type ClusterLink,
  ClusterMembership,
  MemoryClusterBackbone,
  MemoryClusterLink,
} from "@carillon/core";
import { FakeClock } from "@carillon/testkit";

/** Which messages get through. */
export type Passes = (from: string, to: string) => boolean;

/** A link that loses what the world says. */
class LossyLink implements ClusterLink {
  readonly maxMessageBytes = 65_536;
  readonly #inner: MemoryClusterLink;
  readonly #world: ClusterWorld;
  #nodeId = "";

  constructor(inner: MemoryClusterLink, world: ClusterWorld) {
    this.#inner = inner;
    this.#world = world;
  }

  open(nodeId: string, receive: (message: Uint8Array) => void): Promise<void> {
    this.#nodeId = nodeId;
    return this.#inner.open(nodeId, receive);
  }

  broadcast(message: Uint8Array): void {
    for (const { nodeId } of this.#world.nodes) if (nodeId !== this.#nodeId) this.send(nodeId, message);
  }

  send(nodeId: string, message: Uint8Array): void {
    if (this.#world.passes(this.#nodeId, nodeId)) this.#inner.send(nodeId, message);
  }

  close(): void {
    this.#inner.close();
  }
}

/** One process of the world. */
export interface WorldNode {
  readonly nodeId: string;
  readonly cluster: ClusterMembership;
  /** Whether it says that it takes connections. */
  isAccepting: boolean;
  /** Connections that it tells of. */
  readonly connections: Map<string, number>;
  /** What it heard of others: `+id`, `-id left`, `-id lost`. */
  readonly seen: string[];
  readonly bugs: unknown[];
  readonly bus: { readonly status: BusStatus; onStatus(listener: (status: BusStatus) => void): () => void };
  setBus(status: BusStatus): void;
}

/** Processes on one backbone and one clock that a test moves. */
export class ClusterWorld {
  readonly clock = new FakeClock(1_767_225_600_000);
  readonly nodes: WorldNode[] = [];
  passes: Passes = () => true;
  readonly #backbone = new MemoryClusterBackbone();

  async add(nodeId: string, isGateway = true): Promise<WorldNode> {
    const listeners = new Set<(status: BusStatus) => void>();
    const bus = {
      status: "connected" as BusStatus,
      onStatus: (listener: (status: BusStatus) => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    const connections = new Map<string, number>();
    const seen: string[] = [];
    const bugs: unknown[] = [];
    const cluster = new ClusterMembership({
      link: new LossyLink(new MemoryClusterLink(this.#backbone), this),
      bus,
      clock: this.clock,
      nodeId,
      isGateway,
      connectionsByApp: () => connections,
      isAccepting: () => node.isAccepting,
      onBug: (error) => bugs.push(error),
    });
    cluster.onAppeared(({ id }) => seen.push(`+${id}`));
    cluster.onGone(({ id }, departure) => seen.push(`-${id} ${departure}`));
    const setBus = (status: BusStatus) => {
      bus.status = status;
      for (const listener of listeners) listener(status);
    };
    const node: WorldNode = { nodeId, isAccepting: true, cluster, connections, seen, bugs, bus, setBus };
    this.nodes.push(node);
    return node;
  }

  /** Adds and starts nodes, and lets them find each other. */
  async start(...ids: readonly string[]): Promise<WorldNode[]> {
    const nodes: WorldNode[] = [];
    for (const id of ids) nodes.push(await this.add(id));
    for (const { cluster } of nodes) await cluster.start();
    await this.run(400);
    return nodes;
  }

  /** As a kill -9: it says nothing more. */
  kill(node: WorldNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    const { passes } = this;
    this.passes = (from, to) => from !== node.nodeId && to !== node.nodeId && passes(from, to);
    node.cluster.close();
  }

  /** Broadcasts bytes that no node has made. */
  async inject(bytes: Uint8Array): Promise<void> {
    const link = new MemoryClusterLink(this.#backbone);
    await link.open("stranger", () => undefined);
    link.broadcast(bytes);
    await settle();
    link.close();
  }

  /** Lets time pass, and messages arrive. */
  async run(ms: number): Promise<void> {
    // Short steps where it is about an exchange of messages, each of which takes one.
    const stepMs = ms <= 1000 ? 5 : 50;
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(Math.min(stepMs, ms - passed));
      await settle();
    }
  }

  close(): void {
    for (const { cluster } of this.nodes) cluster.close();
  }
}

/** Something that goes wrong, or comes and goes. `node` picks one of those that live. */
export type Trouble =
  | { readonly kind: "lose"; readonly share: number }
  | { readonly kind: "cut" | "kill" | "leave"; readonly node: number }
  | { readonly kind: "add" };

/** Makes trouble in a world, and knows who is dead. */
export class Troublemaker {
  readonly #world: ClusterWorld;
  readonly #dead = new Set<string>();
  #random = 1;
  #added = 0;

  constructor(world: ClusterWorld) {
    this.#world = world;
  }

  get living(): WorldNode[] {
    return this.#world.nodes.filter(({ nodeId }) => !this.#dead.has(nodeId));
  }

  async make(trouble: Trouble): Promise<void> {
    if (trouble.kind === "lose") {
      this.#world.passes = (from, to) => this.#reaches(from, to) && this.#draw() >= trouble.share;
      return;
    }
    if (trouble.kind === "add") {
      this.#added++;
      if (this.#added <= 3) await (await this.#world.add(`late-${this.#added}`)).cluster.start();
      return;
    }
    const node = this.living[trouble.node % Math.max(this.living.length, 1)];
    if (node === undefined) return;
    if (trouble.kind === "cut") {
      const isAside = (id: string) => id === node.nodeId;
      this.#world.passes = (from, to) => this.#reaches(from, to) && isAside(from) === isAside(to);
      return;
    }
    if (trouble.kind === "kill") this.#world.passes = (from) => from !== node.nodeId;
    node.cluster.close();
    this.#dead.add(node.nodeId);
    this.end();
  }

  /** From now on everything gets through between those who live. */
  end(): void {
    this.#world.passes = (from, to) => this.#reaches(from, to);
  }

  #reaches(from: string, to: string): boolean {
    return !this.#dead.has(from) && !this.#dead.has(to);
  }

  #draw(): number {
    this.#random = (this.#random * 48_271) % 2_147_483_647;
    return this.#random / 2_147_483_647;
  }
}

/** Lets everything that waits for nothing but its turn have it. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
