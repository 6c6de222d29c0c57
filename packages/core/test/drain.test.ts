import { drainSessions } from "@carillon/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createApp, settled, type TestConnection, TestNode } from "./support/test-node.ts";

interface Drained {
  readonly test: TestNode;
  readonly connections: readonly TestConnection[];
  /** Connections by when they were asked, in the order of asking. */
  readonly asked: readonly { readonly connection: TestConnection; readonly atMs: number }[];
}

/** Drains a node to its end, 50 ms at a time. */
async function drain(count: number, spreadMs: number, random: () => number): Promise<Drained> {
  const test = new TestNode();
  const asked: { connection: TestConnection; atMs: number }[] = [];
  const connections = Array.from({ length: count }, () => test.connect(createApp()));
  const note = () => {
    for (const connection of connections) {
      if (connection.closings.length > 0 && !asked.some((each) => each.connection === connection)) {
        asked.push({ connection, atMs: test.clock.monotonic() });
      }
    }
  };
  let isDone = false;
  const done = drainSessions(test.services.connections.all(), { clock: test.clock, random, spreadMs }).then(() => {
    isDone = true;
  });
  note();
  for (let turns = 0; !isDone && turns < 1000; turns++) {
    await settled();
    note();
    test.clock.advance(50);
  }
  await done;
  note();
  return { test, connections, asked };
}

it("N40 › drain › everybody is asked exactly once, spread over the time and never beyond it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: 60 }),
      fc.nat({ max: 3000 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      async (count, spreadMs, numbers) => {
        const { connections, asked, test } = await drain(count, spreadMs, () => numbers.next().value ?? 0);
        for (const { closings, transport } of connections) {
          expect(closings).toEqual(["drain"]);
          expect(transport.closes).toEqual([expect.objectContaining({ code: 4200 })]);
        }
        expect(asked).toHaveLength(count);
        const slices = Math.max(1, Math.floor(spreadMs / 100));
        const perSlice = new Map<number, number>();
        for (const { atMs } of asked) perSlice.set(atMs, (perSlice.get(atMs) ?? 0) + 1);
        for (const size of perSlice.values()) expect(size).toBeLessThanOrEqual(Math.ceil(count / slices));
        for (const { atMs } of asked) expect(atMs).toBeLessThanOrEqual(spreadMs);
        test.node.close();
        expect(test.clock.pendingTimers).toBe(0);
      },
    ),
    { numRuns: 50 },
  );
});

it("N40 › drain › without a spread everybody is asked at once", async () => {
  const { asked } = await drain(20, 0, () => 0.5);
  expect(asked.map(({ atMs }) => atMs)).toEqual(new Array(20).fill(0));
});

it("N40 › drain › the order is the random source's, not that of connecting", async () => {
  const order = async (random: () => number) => {
    const { asked, connections } = await drain(10, 1000, random);
    return asked.map(({ connection }) => connections.indexOf(connection));
  };
  const first = await order(() => 0);
  expect(first).not.toEqual([...first].sort((left, right) => left - right));
  expect(await order(() => 0.999)).not.toEqual(first);
});

it("N40 › drain › whoever has left meanwhile is passed over", async () => {
  const test = new TestNode();
  const connections = Array.from({ length: 4 }, () => test.connect(createApp()));
  const done = drainSessions(test.services.connections.all(), { clock: test.clock, random: () => 0, spreadMs: 400 });
  const left = connections.filter(({ closings }) => closings.length === 0);
  for (const { session } of left) session.onClosed();
  for (let turns = 0; turns < 10; turns++) {
    await settled();
    test.clock.advance(100);
  }
  await done;
  expect(left).toHaveLength(3);
  expect(left.flatMap(({ closings }) => closings)).toEqual([]);
});
