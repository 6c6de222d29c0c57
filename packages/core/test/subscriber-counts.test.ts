import { decodeCountAnnouncement, encodeCountAnnouncement } from "@carillon/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { CountWorld } from "./support/count-world.ts";

const CHANNELS = ["a", "b"];

function expectTruth(world: CountWorld): void {
  for (const node of world.nodes) {
    for (const name of CHANNELS) {
      if (node.subscribers(name) > 0) expect([name, node.told.get(name)]).toEqual([name, world.truth(name)]);
    }
  }
}

const place = fc.nat({ max: 3 });
const channel = fc.constantFrom(...CHANNELS);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("subscribe" as const), node: place, channel }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("unsubscribe" as const), node: place, channel }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("run" as const), ms: fc.constantFrom(10, 60, 300, 6000) }) },
  fc.record({ kind: fc.constant("kill" as const), node: place }),
  fc.record({ kind: fc.constant("add" as const) }),
  fc.record({ kind: fc.constant("away" as const), node: place, ms: fc.constantFrom(20, 3000, 9000) }),
  fc.record({ kind: fc.constant("cut" as const), node: place, ms: fc.constantFrom(20, 3000, 9000) }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function act(world: CountWorld, each: Step): Promise<void> {
  switch (each.kind) {
    case "subscribe":
      void world.at(each.node).subscribe(each.channel);
      break;
    case "unsubscribe":
      world.at(each.node).unsubscribe(each.channel);
      break;
    case "run":
      await world.run(each.ms);
      break;
    case "kill":
      if (world.nodes.length > 1) world.kill(world.at(each.node));
      break;
    case "add":
      if (world.nodes.length < 5) await world.add();
      break;
    case "away": {
      const { base } = world.at(each.node);
      const { passes } = world.cluster;
      base.setBus("disconnected");
      world.cluster.passes = (from, to) => from !== base.nodeId && to !== base.nodeId && passes(from, to);
      await world.run(each.ms);
      world.cluster.passes = passes;
      base.setBus("connected");
      break;
    }
    case "cut": {
      const node = world.at(each.node);
      const { passes } = world.cluster;
      world.cluster.passes = (from, to) => from !== node.base.nodeId && to !== node.base.nodeId && passes(from, to);
      await world.run(each.ms);
      world.cluster.passes = passes;
      // The servers of the bus that lost each other say so on both sides.
      for (const one of world.nodes) one.doubt();
    }
  }
}

it("P31 › whatever comes, goes, dies or is cut off, all subscribers are told the true number in the end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
      const world = await CountWorld.start(3);
      for (const each of steps) await act(world, each);
      await world.run(12_000);
      expectTruth(world);
      for (const { base } of world.nodes) expect(base.bugs).toEqual([]);
      world.close();
      expect(world.cluster.clock.pendingTimers).toBe(0);
    }),
    { numRuns: 100 },
  );
}, 120_000);

it("P31 › a node that stood still, and was held for lost by others alone, counts again once it is back", async () => {
  const world = await CountWorld.start(2);
  const [frozen, other] = [world.at(0), world.at(1)];
  for (const node of [frozen, frozen, other]) void node.subscribe("a");
  await world.run(300);
  world.cluster.passes = (from) => from !== frozen.base.nodeId;
  await world.run(6000);
  expect(other.told.get("a")).toBe(1);
  world.cluster.passes = () => true;
  await world.run(3000);
  expect([frozen.base.seen, [frozen, other].map(({ told }) => told.get("a"))]).toEqual([["+n2"], [3, 3]]);
  world.close();
});

it("P31 › few subscribers: a burst is told as one, and everything within 50 ms", async () => {
  const world = await CountWorld.start(2);
  for (let index = 0; index < 20; index++) void world.at(index).subscribe("a");
  await world.run(100);
  expect(world.nodes.map(({ told }) => told.get("a"))).toEqual([20, 20]);
  for (const { tellings } of world.nodes) expect(tellings).toBeLessThanOrEqual(4);
  world.close();
});

it("P31 › many subscribers: they are told once in five seconds, and the nodes tell each other no more often", async () => {
  const world = await CountWorld.start(2);
  for (let index = 0; index < 200; index++) void world.at(index).subscribe("a");
  await world.run(6000);
  const [tellings, published] = [world.at(0).tellings, world.published];
  for (let round = 0; round < 100; round++) {
    void world.at(round).subscribe("a");
    await world.run(100);
  }
  expect(world.at(0).tellings - tellings).toBeLessThanOrEqual(4);
  expect(world.published - published).toBeLessThanOrEqual(6);
  await world.run(10_000);
  expect(world.nodes.map(({ told }) => told.get("a"))).toEqual([300, 300]);
  world.close();
});

it("P31 › a storm of subscribers asks nobody: one announcement of each node makes it known", async () => {
  const world = await CountWorld.start(3);
  for (let index = 0; index < 90; index++) void world.at(index).subscribe("a");
  await world.run(200);
  // The first one of each node, and what came after it.
  expect(world.published).toBeLessThanOrEqual(6);
  expect(world.nodes.map(({ base }) => base.cluster.counters.questions)).toEqual([0, 0, 0]);
  world.close();
});

it("an announcement › what was encoded is decoded; other bytes are none, and never throw", () => {
  const announcement = fc.record({
    nodeId: fc.string(),
    count: fc.nat(),
    version: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    wantsReply: fc.boolean(),
  });
  fc.assert(
    fc.property(announcement, (each) => {
      expect(decodeCountAnnouncement(encodeCountAnnouncement(each))).toEqual(each);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      if (bytes[0] !== undefined) bytes[0] = 3;
      decodeCountAnnouncement(bytes);
    }),
  );
});
