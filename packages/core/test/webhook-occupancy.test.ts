import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Cluster } from "../src/index.ts";
import { Occupancy } from "../src/webhooks/occupancy.ts";
import type { OccupancyKey } from "../src/webhooks/occupancy-key.ts";
import type { Decision } from "../src/webhooks/occupancy-ledger.ts";
import { ClusterWorld, type WorldNode } from "./support/cluster-world.ts";

const KEYS: readonly OccupancyKey[] = [
  { appId: "a", channel: "one", userId: null },
  { appId: "a", channel: "two", userId: null },
  { appId: "a", channel: "presence-x", userId: "u" },
  { appId: "b", channel: "one", userId: null },
];

const GRACE_MS = 3000;

interface Gateway {
  readonly node: WorldNode;
  readonly occupancy: Occupancy;
  readonly counts: number[];
}

type Deed =
  | { readonly kind: "change"; readonly gateway: number; readonly key: number; readonly by: 1 | -1 }
  | { readonly kind: "run"; readonly ms: number }
  | { readonly kind: "kill"; readonly gateway: number }
  | { readonly kind: "cut"; readonly gateway: number; readonly forMs: number; readonly isNoticed: boolean }
  | { readonly kind: "add" }
  | { readonly kind: "loss"; readonly share: number };

/** Gateways that report to each other, and what they tell the one queue. */
class OccupancyWorld {
  readonly cluster = new ClusterWorld();
  readonly gateways: Gateway[] = [];
  /** As the queue keeps them: a repeated id is none. */
  readonly told: { readonly id: string; readonly key: OccupancyKey; readonly isOccupied: boolean }[] = [];
  readonly countsTold: number[] = [];
  /** Share of questions of which the question or the answer is lost. */
  loss = 0;
  #random = 1;
  #added = 0;

  async add(): Promise<Gateway> {
    const node = await this.cluster.add(`g${++this.#added}`);
    const occupancy = new Occupancy({
      cluster: this.#lossy(node.cluster),
      bus: node.bus,
      clock: this.cluster.clock,
      graceMs: GRACE_MS,
      wantsCount: ({ userId }) => userId === null,
      hasRoom: () => true,
      onDecision: (decision) => this.#hear(decision),
    });
    const gateway = { node, occupancy, counts: KEYS.map(() => 0) };
    this.gateways.push(gateway);
    await node.cluster.start();
    return gateway;
  }

  async start(count: number): Promise<Gateway[]> {
    for (let index = 0; index < count; index++) await this.add();
    await this.cluster.run(500);
    return this.gateways;
  }

  change(gateway: Gateway, key: number, by: 1 | -1): void {
    const count = gateway.counts[key] ?? 0;
    if (count + by < 0) return;
    gateway.counts[key] = count + by;
    gateway.occupancy.change(KEYS[key] as OccupancyKey, by, true);
  }

  kill(gateway: Gateway): void {
    this.gateways.splice(this.gateways.indexOf(gateway), 1);
    gateway.occupancy.close();
    this.cluster.kill(gateway.node);
  }

  async make(deed: Deed): Promise<void> {
    if (deed.kind === "run") return await this.cluster.run(deed.ms);
    if (deed.kind === "add") return void (await this.add());
    if (deed.kind === "loss") {
      this.loss = deed.share;
      return;
    }
    const gateway = this.gateways[deed.gateway % this.gateways.length] as Gateway;
    if (deed.kind === "change") return this.change(gateway, deed.key, deed.by);
    if (this.gateways.length === 1) return;
    // One at a time: where a gateway and its second die at once, what they told is forgotten.
    this.loss = 0;
    await this.cluster.run(12_000);
    if (deed.kind === "kill") this.kill(gateway);
    else await this.cut(gateway, deed);
  }

  /** Cuts a gateway off for a while. Where it doesn't notice, it hears the others, and they don't hear it. */
  async cut({ node }: Gateway, { forMs, isNoticed }: { readonly forMs: number; readonly isNoticed: boolean }) {
    const { passes } = this.cluster;
    const isAlone = (nodeId: string) => nodeId === node.nodeId;
    this.cluster.passes = (from, to) =>
      passes(from, to) && (isAlone(from) === isAlone(to) || (isAlone(to) && !isNoticed));
    if (isNoticed) node.setBus("disconnected");
    await this.cluster.run(forMs);
    this.cluster.passes = passes;
    if (isNoticed) node.setBus("connected");
    await this.cluster.run(5000);
  }

  /** What was told of a key, in order. */
  of(key: number): boolean[] {
    return this.told
      .filter((each) => each.key.channel === KEYS[key]?.channel && sameKey(each.key, key))
      .map(({ isOccupied }) => isOccupied);
  }

  /** Whether anybody is there. */
  truth(key: number): boolean {
    return this.gateways.some(({ counts }) => (counts[key] ?? 0) > 0);
  }

  close(): void {
    for (const { occupancy } of this.gateways) occupancy.close();
    this.cluster.close();
  }

  #hear(decision: Decision): void {
    if (decision.kind === "count") {
      this.countsTold.push(decision.count);
      return;
    }
    const { epoch, n, isOccupied } = decision.told;
    const id = `${epoch}-${n}`;
    if (!this.told.some((each) => each.id === id)) this.told.push({ id, key: decision.key, isOccupied });
  }

  #lossy(cluster: Cluster): Cluster {
    const ask: Cluster["ask"] = async (kind, body, options) => {
      const isLost = this.#draw() < this.loss;
      const wasHeard = !isLost || this.#draw() < 0.5;
      const answers = wasHeard ? await cluster.ask(kind, body, options) : null;
      return isLost || answers === null ? { answers: [], missing: ["lost"] } : answers;
    };
    return new Proxy(cluster, {
      get: (target, name) => {
        if (name === "ask") return ask;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  #draw(): number {
    this.#random = (this.#random * 48_271) % 2_147_483_647;
    return this.#random / 2_147_483_647;
  }
}

function sameKey(key: OccupancyKey, index: number): boolean {
  const other = KEYS[index];
  return key.appId === other?.appId && key.channel === other.channel && key.userId === other.userId;
}

describe("occupancy", () => {
  let world = new OccupancyWorld();
  afterEach(() => {
    world.close();
    world = new OccupancyWorld();
  });

  it("is told once for all gateways, when the first comes and after the last has gone", async () => {
    const [one, two, three] = (await world.start(3)) as [Gateway, Gateway, Gateway];
    world.change(one, 0, 1);
    await world.cluster.run(500);
    expect(world.of(0)).toEqual([true]);
    world.change(two, 0, 1);
    world.change(three, 0, 1);
    await world.cluster.run(500);
    for (const gateway of [one, two]) world.change(gateway, 0, -1);
    await world.cluster.run(5000);
    expect(world.of(0)).toEqual([true]);
    world.change(three, 0, -1);
    await world.cluster.run(2500);
    expect(world.of(0)).toEqual([true]);
    await world.cluster.run(1500);
    expect(world.of(0)).toEqual([true, false]);
  });

  it("says nothing of a client that comes back within the grace, on whichever gateway", async () => {
    const [one, two] = (await world.start(2)) as [Gateway, Gateway];
    world.change(one, 2, 1);
    await world.cluster.run(500);
    for (let time = 0; time < 5; time++) {
      world.change(time % 2 === 0 ? one : two, 2, -1);
      await world.cluster.run(2000);
      world.change(time % 2 === 0 ? two : one, 2, 1);
      await world.cluster.run(500);
    }
    expect(world.of(2)).toEqual([true]);
  });

  it.each([1, 2, 3])("outlives the death of gateway %i, whoever owned the channel", async (dies) => {
    const gateways = (await world.start(3)) as Gateway[];
    for (const key of KEYS.keys()) world.change(gateways[dies - 1] as Gateway, key, 1);
    for (const key of KEYS.keys()) world.change(gateways[dies % 3] as Gateway, key, key % 2 === 0 ? 1 : -1);
    await world.cluster.run(1000);
    world.kill(gateways[dies - 1] as Gateway);
    await world.cluster.run(12_000);
    // Those on the dead gateway alone are vacated; the others were never told to be anything but occupied.
    expect(KEYS.map((_, key) => world.of(key))).toEqual(KEYS.map((_, key) => (key % 2 === 0 ? [true] : [true, false])));
  });

  it("a gateway that joins takes over its share without a word", async () => {
    const [one] = (await world.start(1)) as [Gateway];
    for (const key of KEYS.keys()) world.change(one, key, 1);
    await world.cluster.run(1000);
    for (let time = 0; time < 3; time++) {
      await world.add();
      await world.cluster.run(5000);
    }
    expect(KEYS.map((_, key) => world.of(key))).toEqual(KEYS.map(() => [true]));
    for (const key of KEYS.keys()) world.change(one, key, -1);
    await world.cluster.run(5000);
    expect(KEYS.map((_, key) => world.of(key))).toEqual(KEYS.map(() => [true, false]));
  });

  it("a bus that was away for all is no reason to tell anything", async () => {
    const gateways = await world.start(3);
    for (const gateway of gateways) world.change(gateway, 0, 1);
    await world.cluster.run(1000);
    world.cluster.passes = () => false;
    for (const { node } of gateways) node.setBus("disconnected");
    await world.cluster.run(20_000);
    world.change(gateways[0] as Gateway, 0, -1);
    world.cluster.passes = () => true;
    for (const { node } of gateways) node.setBus("connected");
    await world.cluster.run(10_000);
    expect(world.of(0)).toEqual([true]);
    for (const gateway of gateways) world.change(gateway, 0, -1);
    await world.cluster.run(10_000);
    expect(world.of(0)).toEqual([true, false]);
  });

  it.each([
    { of: 3, cut: 1, forMs: 12_000, isNoticed: true },
    { of: 3, cut: 2, forMs: 12_000, isNoticed: true },
    { of: 3, cut: 3, forMs: 12_000, isNoticed: true },
    { of: 3, cut: 1, forMs: 90_000, isNoticed: true },
    { of: 2, cut: 1, forMs: 90_000, isNoticed: true },
    { of: 2, cut: 2, forMs: 90_000, isNoticed: true },
    { of: 2, cut: 1, forMs: 12_000, isNoticed: false },
    { of: 2, cut: 2, forMs: 90_000, isNoticed: false },
  ])("what one gateway alone has is told again when it was cut off and is back: %j", async (test) => {
    const gateways = await world.start(test.of);
    const alone = gateways[test.cut - 1] as Gateway;
    for (const key of KEYS.keys()) world.change(alone, key, 1);
    await world.cluster.run(1000);
    await world.cut(alone, test);
    await world.cluster.run(10_000);
    expect(KEYS.map((_, key) => world.of(key))).toEqual(KEYS.map(() => [true, false, true]));
    expect(world.countsTold.slice(-3)).toEqual([1, 1, 1]);
  });

  it.each([...KEYS.keys()])(
    "what a dead gateway alone had is vacated where an idle one takes its place: key %i",
    async (key) => {
      for (const dies of [0, 1, 2]) {
        const gateways = await world.start(3);
        world.change(gateways[dies] as Gateway, key, 1);
        await world.cluster.run(12_000);
        world.kill(gateways[dies] as Gateway);
        await world.add();
        await world.cluster.run(12_000);
        expect([dies, world.of(key)]).toEqual([dies, [true, false]]);
        world.close();
        world = new OccupancyWorld();
      }
    },
  );

  it("channels that nobody comes back to are forgotten by all gateways", async () => {
    const [one] = (await world.start(3)) as [Gateway];
    for (const key of KEYS.keys()) world.change(one, key, 1);
    await world.cluster.run(1000);
    for (const key of KEYS.keys()) world.change(one, key, -1);
    await world.cluster.run(60_000);
    expect(KEYS.map((_, key) => world.of(key))).toEqual(KEYS.map(() => [true, false]));
    expect(world.gateways.map(({ occupancy }) => occupancy.known)).toEqual([0, 0, 0]);
  });

  it("numbers of subscriptions are added up over gateways, and told at most once a second", async () => {
    const [one, two] = (await world.start(2)) as [Gateway, Gateway];
    for (let time = 0; time < 20; time++) world.change(time % 2 === 0 ? one : two, 0, 1);
    await world.cluster.run(3000);
    expect(world.countsTold.at(-1)).toBe(20);
    expect(world.countsTold.length).toBeLessThanOrEqual(3);
  });

  it.each([1, 2, 3])(
    "the numbers of channels that were on gateway %i alone are 0 after its death, whoever owned them",
    async (dies) => {
      const gateways = (await world.start(3)) as Gateway[];
      for (const key of KEYS.keys()) world.change(gateways[dies - 1] as Gateway, key, 1);
      await world.cluster.run(2000);
      world.kill(gateways[dies - 1] as Gateway);
      await world.cluster.run(12_000);
      expect(world.countsTold).toEqual([1, 1, 1, 0, 0, 0]);
    },
  );

  it("law › after any changes, losses and deaths, what was told last is the truth, and occupied and vacated took turns", async () => {
    const deed = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant("change" as const),
          gateway: fc.nat(5),
          key: fc.nat(3),
          by: fc.constantFrom<1 | -1>(1, -1),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant("run" as const), ms: fc.constantFrom(10, 50, 300, 3200, 8000) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill" as const), gateway: fc.nat(5) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("cut" as const),
          gateway: fc.nat(5),
          forMs: fc.constantFrom(2000, 6000, 12_000, 60_000),
          isNoticed: fc.boolean(),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("add" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("loss" as const), share: fc.constantFrom(0, 0.3, 0.7) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 40 }), async (deeds) => {
        const world = new OccupancyWorld();
        await world.start(3);
        for (const each of deeds) await world.make(each);
        world.loss = 0;
        await world.cluster.run(30_000);
        for (const key of KEYS.keys()) {
          const told = world.of(key);
          expect(told.at(-1) ?? false).toBe(world.truth(key));
          expect(told).toEqual(told.map((_, index) => index % 2 === 0));
        }
        expect(world.gateways.flatMap(({ node }) => node.bugs)).toEqual([]);
        world.close();
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});
