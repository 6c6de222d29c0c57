import type { ClusterNode, Session } from "@carillon/core";
import { FakeClock } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import { Rebalancer } from "../../src/rebalancer.ts";

const SETTINGS = { thresholdPercent: 20, sharePercent: 10, minConnections: 10, intervalMs: 10_000 };

/** A gateway with so many sessions, whose clients go when they are asked, and come back or not. */
class World {
  readonly clock = new FakeClock();
  readonly asked: { readonly number: number; readonly atMs: number }[] = [];
  readonly cluster: { isSettled: boolean; nodes: ClusterNode[] } = { isSettled: true, nodes: [] };
  readonly rebalancer: Rebalancer;
  lastNumber = 0;
  comesBack = false;
  readonly #numbers = new Set<number>();

  constructor(count: number) {
    for (let number = 0; number < count; number++) this.add();
    const numbers = this.#numbers;
    const world = this;
    this.rebalancer = new Rebalancer({
      cluster: this.cluster,
      clock: this.clock,
      random: () => 0.5,
      settings: SETTINGS,
      connections: {
        get size() {
          return numbers.size;
        },
        get lastNumber() {
          return world.lastNumber;
        },
        oldest: (most, upTo) =>
          [...numbers]
            .filter((number) => number <= upTo)
            .slice(0, most)
            .map((number) => ({ number }) as Session),
      },
      ask: ({ number }) => {
        this.asked.push({ number, atMs: this.clock.monotonic() });
        this.#numbers.delete(number);
        if (this.comesBack) this.add();
      },
    });
  }

  add(): void {
    this.lastNumber++;
    this.#numbers.add(this.lastNumber);
  }

  peer(id: string, connections: number, isAccepting: boolean | null = true): void {
    const others = this.cluster.nodes.filter((node) => node.id !== id);
    this.cluster.nodes = [
      ...others,
      { id, isGateway: true, isAccepting, connectionsByApp: new Map([["1", connections]]) },
    ];
  }

  async run(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      this.clock.advance(10);
      await Promise.resolve();
      await Promise.resolve();
    }
  }
}

describe("Rebalancer", () => {
  it("asks those who have been there longest, one after the other, and nobody before an interval has passed since it saw the others", async () => {
    const world = new World(100);
    world.peer("b", 20);
    await world.run(19_000);
    expect(world.asked).toEqual([]);
    await world.run(10_000);
    expect(world.asked.map(({ number }) => number).sort((left, right) => left - right)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(world.asked.map(({ atMs }) => atMs)).size).toBe(7);
  });

  it.each<[string, (world: World) => void]>([
    ["a gateway begins to drain", (world) => world.peer("b", 20, false)],
    [
      "the bus is away",
      (world) => {
        world.cluster.isSettled = false;
      },
    ],
    ["it is closed", (world) => world.rebalancer.close()],
  ])("breaks off in the middle of an interval when %s", async (_what, happen) => {
    const world = new World(100);
    world.peer("b", 20);
    for (let ms = 0; ms < 60_000 && world.asked.length === 0; ms += 10) await world.run(10);
    expect(world.asked).toHaveLength(1);
    happen(world);
    await world.run(60_000);
    expect(world.asked).toHaveLength(1);
  });

  it("ends near the average, and not below it", async () => {
    const world = new World(100);
    world.peer("b", 20);
    // The other one says 20 all the time: nobody arrives there.
    await world.run(900_000);
    expect(world.rebalancer.state).toBe("balanced");
    expect(world.asked.length).toBeGreaterThan(70);
    expect(world.asked.length).toBeLessThanOrEqual(80);
    world.rebalancer.close();
    await world.run(10_000);
    expect(world.clock.pendingTimers).toBe(0);
  });

  it("who comes back isn't asked again, and it rests", async () => {
    const world = new World(100);
    world.comesBack = true;
    world.peer("b", 20);
    await world.run(300_000);
    expect(world.rebalancer.state).toBe("resting");
    expect(world.asked.length).toBeGreaterThan(10);
    expect(Math.max(...world.asked.map(({ number }) => number))).toBeLessThanOrEqual(100);
    world.rebalancer.close();
  });

  it("publishers are no gateways: they don't count", async () => {
    const world = new World(100);
    world.cluster.nodes = [{ id: "p", isGateway: false, isAccepting: false, connectionsByApp: new Map() }];
    await world.run(60_000);
    expect(world.asked).toEqual([]);
    world.peer("b", 20);
    await world.run(40_000);
    expect(world.asked.length).toBeGreaterThan(0);
    world.rebalancer.close();
  });
});
