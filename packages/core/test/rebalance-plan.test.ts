import { RebalancePlan } from "@carillon/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Balancer,
  ByChance,
  Fewest,
  PartlyToItsOwn,
  RebalanceWorld,
  Sticky,
  ToItsOwn,
} from "./support/rebalance-world.ts";

const LIMITS = { thresholdPercent: 20, sharePercent: 5, minConnections: 20 };
const INTERVAL_MS = 30_000;

const loads = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 6 });
const newcomers = fc.integer({ min: 0, max: 3 });
const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });

interface World {
  readonly loads: readonly number[];
  readonly newcomers: number;
  readonly seed: number;
}

const worlds: fc.Arbitrary<World> = fc.record({ loads, newcomers, seed: seeds });

function grown({ loads: at, newcomers: more, seed }: World, balancer: Balancer): RebalanceWorld {
  return new RebalanceWorld({ loads: at, limits: LIMITS, intervalMs: INTERVAL_MS, balancer, seed }).grow(more);
}

describe("rebalancing › the law", () => {
  it.each<[string, () => Balancer]>([
    ["by chance", () => new ByChance()],
    ["to the emptiest", () => new Fewest()],
  ])(
    "clients that are brought %s: all end near the average, nobody went below it, and then there is silence",
    (_name, balancer) => {
      fc.assert(
        fc.property(worlds, (world) => {
          const simulation = grown(world, balancer());
          simulation.run(300);
          expect(simulation.belowAverage).toBe(0);
          expect(simulation.largestExcess).toBeLessThanOrEqual(1 + LIMITS.thresholdPercent / 100);
          // Each round has its own worth: nobody is sent around.
          expect(simulation.mostAsked).toBeLessThanOrEqual(4);
          const { asked } = simulation;
          simulation.run(100);
          expect(simulation.asked).toBe(asked);
        }),
        { numRuns: 25 },
      );
    },
  );

  it("clients that always come back to where they were: the gateway notices, gives up, and hardly ever tries again", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const simulation = grown(world, new ToItsOwn());
        const before = simulation.loads;
        // A day.
        simulation.run((24 * 3600 * 1000) / INTERVAL_MS);
        expect(simulation.loads).toEqual(before);
        // 10, 20, 40, 80, 160 and 320 minutes, then six hours each: at most ten rounds, give or take a quarter.
        expect(simulation.mostRounds).toBeLessThanOrEqual(12);
        expect(simulation.mostAsked).toBeLessThanOrEqual(12);
        // And none of them goes on once it shows: three intervals, and as many clients as prove it.
        expect(simulation.asked).toBeLessThanOrEqual(simulation.mostRounds * (simulation.total * 0.25 + 100));
      }),
      { numRuns: 15 },
    );
  });

  it("sticky by a hash that a new gateway changes: it takes what is its due by the hash, each client asked once", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const balancer = new Sticky();
        const world = { loads: [900, 900, 900], limits: LIMITS, intervalMs: INTERVAL_MS, balancer, seed };
        const simulation = new RebalanceWorld(world).grow(1);
        simulation.run(40);
        // A quarter of the addresses leads to it now; asking stops at half of the threshold.
        expect(simulation.largestExcess).toBeLessThanOrEqual(1.2);
        expect(simulation.loads[3]).toBeGreaterThan(400);
        expect(simulation.mostAsked).toBe(1);
      }),
      { numRuns: 20 },
    );
  });

  it("clients that come and go by themselves don't have it run for ever", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const simulation = grown(world, new ByChance());
        simulation.run(100, { churnShare: 0.05 });
        const { asked } = simulation;
        simulation.run(100, { churnShare: 0.05 });
        // Five times as many clients as there are have come and gone meanwhile; chance alone has small gateways differ by a fifth at times.
        expect(simulation.asked - asked).toBeLessThanOrEqual(simulation.total * 0.3 + 150);
      }),
      { numRuns: 8 },
    );
  });

  it("full gateways that send clients to each other too don't take that for a load balancer that brings everybody back", () => {
    // As few as 20 each: chance alone leaves many where they were.
    const full = fc.record({
      each: fc.integer({ min: 20, max: 300 }),
      count: fc.integer({ min: 2, max: 4 }),
      seed: seeds,
    });
    fc.assert(
      fc.property(full, ({ each, count, seed }) => {
        const simulation = grown({ loads: Array(count).fill(each), newcomers: 1, seed }, new ByChance());
        simulation.run(300);
        expect(simulation.rests).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it("clients some of whom always come back to where they were: the others make up for it, and nobody is asked for ever", () => {
    const mixed = fc.record({
      each: fc.integer({ min: 100, max: 400 }),
      percent: fc.integer({ min: 0, max: 100 }),
      seed: seeds,
    });
    fc.assert(
      fc.property(mixed, ({ each, percent, seed }) => {
        const balancer = new PartlyToItsOwn(percent / 100);
        const loads = [each, each, each];
        const simulation = new RebalanceWorld({ loads, limits: LIMITS, intervalMs: INTERVAL_MS, balancer, seed }).grow(
          1,
        );
        // A day.
        simulation.run((24 * 3600 * 1000) / INTERVAL_MS);
        expect(simulation.belowAverage).toBe(0);
        // A quarter of all is to move: up to here there are enough who can.
        if (percent <= 50) expect(simulation.largestExcess).toBeLessThanOrEqual(1 + LIMITS.thresholdPercent / 100);
        expect(simulation.mostRounds).toBeLessThanOrEqual(12);
        expect(simulation.mostAsked).toBeLessThanOrEqual(7);
      }),
      { numRuns: 15 },
    );
  });

  it("no interval sees more than its share", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const simulation = grown(world, new ByChance());
        simulation.run(100);
        expect(simulation.largestShare).toBeLessThanOrEqual(LIMITS.sharePercent / 100);
      }),
      { numRuns: 25 },
    );
  });
});

describe("rebalancing › when not to", () => {
  const peer = (id: string, connections: number, isAccepting: boolean | null = true) => ({
    id,
    connections,
    isAccepting,
  });
  const begun = () => {
    const plan = new RebalancePlan(LIMITS, () => 0.5);
    // What it sees first has just come.
    expect(plan.next({ own: 1000, peers: [peer("b", 10)], nowMs: 0 }).count).toBe(0);
    return plan;
  };

  it("asks when all is well", () => {
    expect(begun().next({ own: 1000, peers: [peer("b", 10)], nowMs: 1 })).toEqual({
      count: 37,
      keep: 505,
      isNewRound: true,
    });
  });

  it.each([
    ["a gateway is full or draining", [peer("b", 10), peer("c", 10, false)]],
    ["a gateway is too old to say", [peer("b", 10), peer("c", 10, null)]],
    ["another one has come", [peer("b", 10), peer("c", 10)]],
    ["it is alone", []],
    ["it is near the average", [peer("b", 700)]],
    ["others have more", [peer("b", 2000)]],
  ])("not while %s", (_why, peers) => {
    const plan = begun();
    if (peers.length === 2 && peers[1]?.isAccepting !== true) plan.next({ own: 1000, peers, nowMs: 1 });
    expect(plan.next({ own: 1000, peers, nowMs: 2 }).count).toBe(0);
  });

  it("not with few connections, whatever the others have", () => {
    expect(begun().next({ own: 19, peers: [peer("b", 0)], nowMs: 1 }).count).toBe(0);
  });

  it("a gateway that appears ends a rest: addresses lead elsewhere now", () => {
    const plan = begun();
    plan.next({ own: 1000, peers: [peer("b", 10)], nowMs: 1 });
    plan.asked(37);
    plan.exhausted();
    expect(plan.next({ own: 1000, peers: [peer("b", 10)], nowMs: 60_000 }).count).toBe(0);
    expect(plan.state).toBe("resting");
    plan.next({ own: 1000, peers: [peer("b", 10), peer("c", 0)], nowMs: 90_000 });
    expect(plan.next({ own: 1000, peers: [peer("b", 10), peer("c", 0)], nowMs: 120_000 }).count).toBeGreaterThan(0);
    expect(plan.state).toBe("round");
  });

  it("everybody has been asked and some stayed where others are full: no rest, for those who are short have got theirs", () => {
    const plan = begun();
    plan.next({ own: 1000, peers: [peer("b", 10)], nowMs: 1 });
    plan.asked(37);
    plan.exhausted();
    const step = plan.next({ own: 1000, peers: [peer("b", 47)], nowMs: 30_000 });
    expect(step.isNewRound).toBe(true);
    expect(step.count).toBeGreaterThan(0);
  });

  it("rests longer each time, up to six hours, and then tries once more", () => {
    const plan = begun();
    const view = (nowMs: number) => ({ own: 1000, peers: [peer("b", 10)], nowMs });
    const minutes: number[] = [];
    let nowMs = 0;
    for (let round = 0; round < 8; round++) {
      plan.next(view(nowMs));
      plan.asked(37);
      plan.exhausted();
      const restsSinceMs = nowMs;
      while (plan.next(view(nowMs)).count === 0) nowMs += 60_000;
      minutes.push((nowMs - restsSinceMs) / 60_000);
    }
    expect(minutes).toEqual([10, 20, 40, 80, 160, 320, 360, 360]);
  });
});
