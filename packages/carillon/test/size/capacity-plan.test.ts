import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CapacityPlan, planCapacity, type Workload } from "../../src/size/capacity-plan.ts";

const SMALL: Workload = {
  connections: 10_000,
  ownChannels: 1,
  eventsPerSecond: 200,
  subscribersPerEvent: 1,
  payloadBytes: 200,
  keptShare: 0,
  keptEvents: 0,
  connectionsPerGateway: 20_000,
};

const workloads = fc.record({
  connections: fc.integer({ min: 0, max: 5_000_000 }),
  ownChannels: fc.integer({ min: 0, max: 50 }),
  eventsPerSecond: fc.integer({ min: 0, max: 100_000 }),
  subscribersPerEvent: fc.integer({ min: 1, max: 100_000 }),
  payloadBytes: fc.integer({ min: 0, max: 60_000 }),
  keptShare: fc.double({ min: 0, max: 1, noNaN: true }),
  keptEvents: fc.integer({ min: 0, max: 100_000_000 }),
  connectionsPerGateway: fc.integer({ min: 1000, max: 100_000 }),
});

describe("planCapacity", () => {
  test("nothing is there only once, however small the workload", () => {
    const plan = planCapacity({ ...SMALL, connections: 1, eventsPerSecond: 0 });
    expect(plan).toMatchObject({
      gateways: { count: 2 },
      publishers: { count: 2 },
      nats: { count: 3 },
      balancers: { count: 2 },
    });
  });

  test("with one gateway gone, the others hold no more than they may, and have processor time left", () => {
    fc.assert(
      fc.property(workloads, (workload) => {
        const { gateways, fitsOneCluster } = planCapacity(workload);
        expect(gateways.connectionsWithOneGone).toBeLessThanOrEqual(workload.connectionsPerGateway);
        expect(gateways.connections * gateways.count).toBeGreaterThanOrEqual(workload.connections);
        if (fitsOneCluster) expect((gateways.cores * gateways.count) / (gateways.count - 1)).toBeLessThanOrEqual(0.6);
      }),
    );
  });

  test("nats-servers are an odd number, so that each counts for a majority", () => {
    fc.assert(
      fc.property(workloads, (workload) => {
        expect(planCapacity(workload).nats.count % 2).toBe(1);
      }),
    );
  });

  test.each([
    "connections",
    "eventsPerSecond",
    "subscribersPerEvent",
    "ownChannels",
    "keptEvents",
    "payloadBytes",
  ] as const)("more of %s never takes less", (field) => {
    fc.assert(
      fc.property(workloads, fc.integer({ min: 1, max: 100_000 }), (workload, more) => {
        const before = totals(planCapacity(workload));
        const after = totals(planCapacity({ ...workload, [field]: workload[field] + more }));
        for (const [index, total] of after.entries())
          expect(total).toBeGreaterThanOrEqual((before[index] ?? 0) * 0.999999);
      }),
    );
  });

  test("an event is heard by one gateway where one client hears it, and by all where everybody does", () => {
    expect(planCapacity(SMALL).gatewaysPerEvent).toBeCloseTo(1);
    const wide = planCapacity({ ...SMALL, connections: 100_000, subscribersPerEvent: 100_000, eventsPerSecond: 1 });
    expect(wide.gatewaysPerEvent).toBeCloseTo(wide.gateways.count);
    expect(wide.deliveriesPerSecond).toBe(100_000);
  });

  test("more events than a core can hear do not fit one cluster", () => {
    expect(planCapacity({ ...SMALL, eventsPerSecond: 100_000, subscribersPerEvent: 10_000 }).fitsOneCluster).toBe(
      false,
    );
    expect(planCapacity(SMALL).fitsOneCluster).toBe(true);
  });
});

/** What all processes of each kind take together. Not memory: of more processes each keeps less room for the one that may be gone. */
function totals({ gateways, publishers, nats, balancers }: CapacityPlan): number[] {
  return [
    gateways.count,
    gateways.count * gateways.cores,
    publishers.count * publishers.cores,
    nats.count * nats.cores,
    nats.count * nats.diskBytes,
    balancers.count,
  ];
}
