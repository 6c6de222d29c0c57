import { type RebalanceLimits, RebalancePlan } from "@carillon/core";

/** One client of the world. */
export interface Client {
  /** What a hash makes of its address. */
  readonly hash: number;
  at: number;
  asked: number;
}

/** Brings a client that comes (back) to one of the gateways. */
export interface Balancer {
  choose(client: Client, loads: readonly number[], random: () => number): number;
}

export class ByChance implements Balancer {
  choose(_client: Client, loads: readonly number[], random: () => number): number {
    return Math.floor(random() * loads.length);
  }
}

export class Fewest implements Balancer {
  choose(_client: Client, loads: readonly number[]): number {
    return loads.indexOf(Math.min(...loads));
  }
}

/** Whatever is changed, each address has its gateway: a table, or a hash that nothing was added to. */
export class ToItsOwn implements Balancer {
  choose({ at }: Client): number {
    return at;
  }
}

/** Some addresses have their gateway, and the others are spread by chance: a part of the clients comes another way. */
export class PartlyToItsOwn implements Balancer {
  readonly #share: number;

  /** `share`: of the clients, which are always brought back to where they were; 0 to 1. */
  constructor(share: number) {
    this.#share = share;
  }

  choose({ at, hash }: Client, loads: readonly number[], random: () => number): number {
    return hash / 2 ** 32 < this.#share ? at : Math.floor(random() * loads.length);
  }
}

/** A consistent hash (highest random weight): each address has its gateway, and a new one takes its part from all. */
export class Sticky implements Balancer {
  choose({ hash }: Client, loads: readonly number[]): number {
    let best = 0;
    for (let at = 1; at < loads.length; at++) if (weight(hash, at) > weight(hash, best)) best = at;
    return best;
  }
}

function weight(hash: number, at: number): number {
  let mixed = Math.imul(hash ^ Math.imul(at + 1, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** What a RebalanceWorld begins with. */
export interface RebalanceWorldOptions {
  readonly loads: readonly number[];
  readonly limits: RebalanceLimits;
  readonly intervalMs: number;
  readonly balancer: Balancer;
  readonly seed: number;
}

interface Gateway {
  readonly plan: RebalancePlan;
  /** Clients by when they came. */
  readonly clients: Set<Client>;
  /** Those of the round who haven't been asked. */
  pool: Set<Client>;
  rounds: number;
}

/** Gateways that all see the loads of a moment ago, each with a plan of its own, and clients that do as they are asked. */
export class RebalanceWorld {
  /** How often anybody was asked. */
  asked = 0;
  /** How often a gateway took a rest. */
  rests = 0;
  /** How often a gateway went below the average that it saw. */
  belowAverage = 0;
  /** The largest share of its clients that a gateway asked in an interval, one client aside. */
  largestShare = 0;
  readonly #options: RebalanceWorldOptions;
  readonly #gateways: Gateway[] = [];
  #seed: number;
  #nowMs = 0;

  constructor(options: RebalanceWorldOptions) {
    this.#options = options;
    this.#seed = options.seed;
    const sticky = options.balancer instanceof Sticky;
    for (const _load of options.loads) this.#addGateway();
    for (const [at, load] of options.loads.entries()) {
      for (let count = 0; count < load; count++) this.#place(this.#client(), sticky ? null : at);
    }
  }

  /** Adds empty gateways. */
  grow(count: number): this {
    // The others have seen each other before.
    this.#interval(0);
    for (let added = 0; added < count; added++) this.#addGateway();
    return this;
  }

  get loads(): number[] {
    return this.#gateways.map(({ clients }) => clients.size);
  }

  get total(): number {
    return this.loads.reduce((sum, load) => sum + load, 0);
  }

  /** The fullest gateway, of those that may ask, over the average; 1 where none may. */
  get largestExcess(): number {
    const average = this.total / this.#gateways.length;
    const busy = this.loads.filter((load) => load >= this.#options.limits.minConnections);
    return average === 0 ? 1 : Math.max(1, ...busy.map((load) => load / average));
  }

  get mostAsked(): number {
    return Math.max(0, ...this.#gateways.flatMap(({ clients }) => [...clients].map(({ asked }) => asked)));
  }

  get mostRounds(): number {
    return Math.max(0, ...this.#gateways.map(({ rounds }) => rounds));
  }

  /** Lets so many intervals pass. `churnShare`: so many clients go by themselves in each, and others come. */
  run(intervals: number, { churnShare = 0 } = {}): void {
    for (let passed = 0; passed < intervals; passed++) this.#interval(churnShare);
  }

  #interval(churnShare: number): void {
    this.#nowMs += this.#options.intervalMs;
    const loads = this.loads;
    const leaving = this.#gateways.flatMap((gateway, at) => this.#askedBy(gateway, at, loads));
    for (const client of leaving) this.#move(client);
    const churned = this.#gateways.flatMap(({ clients }) =>
      churnShare === 0 ? [] : [...clients].filter(() => this.#random() < churnShare),
    );
    for (const client of churned) {
      this.#remove(client);
      this.#place(this.#client(), null);
    }
  }

  /** As a Rebalancer does it: the oldest of the round, and no more when the average is reached. */
  #askedBy(gateway: Gateway, at: number, loads: readonly number[]): Client[] {
    const { plan } = gateway;
    const own = gateway.clients.size;
    const peers = loads
      .map((connections, id) => ({ id: String(id), connections, isAccepting: true }))
      .filter(({ id }) => id !== String(at));
    const before = plan.state;
    const step = plan.next({ own, peers, nowMs: this.#nowMs });
    if (before !== "resting" && plan.state === "resting") this.rests++;
    if (step.isNewRound) {
      gateway.pool = new Set(gateway.clients);
      gateway.rounds++;
    }
    if (step.count === 0) return [];
    const chosen: Client[] = [];
    for (const client of gateway.pool) if (chosen.length < step.count) chosen.push(client);
    if (chosen.length < step.count) plan.exhausted();
    plan.asked(chosen.length);
    this.asked += chosen.length;
    if (own - chosen.length < Math.floor(this.total / loads.length)) this.belowAverage++;
    if (chosen.length > 1) this.largestShare = Math.max(this.largestShare, chosen.length / own);
    for (const client of chosen) client.asked++;
    return chosen;
  }

  #move(client: Client): void {
    this.#remove(client);
    this.#place(client, null);
  }

  #remove(client: Client): void {
    const from = this.#gateways[client.at];
    if (from === undefined) return;
    from.clients.delete(client);
    from.pool.delete(client);
  }

  #place(client: Client, at: number | null): void {
    client.at = at ?? this.#options.balancer.choose(client, this.loads, () => this.#random());
    this.#gateways[client.at]?.clients.add(client);
  }

  #client(): Client {
    return { hash: Math.floor(this.#random() * 2 ** 32), at: 0, asked: 0 };
  }

  #addGateway(): void {
    const plan = new RebalancePlan(this.#options.limits, () => this.#random());
    this.#gateways.push({ plan, clients: new Set(), pool: new Set(), rounds: 0 });
  }

  /** mulberry32: small, and the same for the same seed. */
  #random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
