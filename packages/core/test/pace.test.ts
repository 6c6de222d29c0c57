import { paced } from "@carillon/core";
import { FakeClock } from "@carillon/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settled } from "./support/test-node.ts";

interface Run {
  /** Items by when their turn came. */
  readonly acts: readonly { readonly item: number; readonly atMs: number }[];
  readonly endedAtMs: number;
  readonly pendingTimers: number;
}

/** Paces so many acts to their end. `moveMs`: how far the clock goes each time; with 1, timers are never late. */
async function run(count: number, spreadMs: number, random: () => number, moveMs = 1): Promise<Run> {
  const clock = new FakeClock();
  const acts: { item: number; atMs: number }[] = [];
  const items = Array.from({ length: count }, (_, index) => index);
  let endedAtMs: number | null = null;
  void paced(items, (item) => acts.push({ item, atMs: clock.monotonic() }), { clock, random, spreadMs }).then(() => {
    endedAtMs = clock.monotonic();
  });
  await settled();
  for (let turns = 0; endedAtMs === null && turns < 100_000; turns++) {
    if (moveMs === 1) clock.advance(1);
    else clock.freeze(moveMs);
    await settled();
  }
  return { acts, endedAtMs: endedAtMs ?? Number.POSITIVE_INFINITY, pendingTimers: clock.pendingTimers };
}

const numbers = fc.infiniteStream(fc.double({ min: 0, max: 0.999_999, noNaN: true }));

describe("paced", () => {
  it("everybody has exactly one turn, within the time, and no stretch of it sees more than its share", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 80 }), fc.nat({ max: 2000 }), numbers, async (count, spreadMs, stream) => {
        const { acts, endedAtMs, pendingTimers } = await run(count, spreadMs, () => stream.next().value ?? 0);
        expect(acts.map(({ item }) => item).sort((left, right) => left - right)).toEqual([...Array(count).keys()]);
        // A timer runs at the end of a millisecond.
        expect(endedAtMs).toBeLessThanOrEqual(spreadMs + 1);
        expect(pendingTimers).toBe(0);
        const stepMs = Math.min(100, spreadMs / Math.max(1, count));
        for (const windowMs of [10, 50, 100, 500]) {
          // One for each step that the stretch touches, and those whom no timer tells apart.
          const most = Math.ceil((windowMs + 2 * 6) / Math.max(stepMs, Number.EPSILON)) + 2;
          for (const { atMs: from } of acts) {
            const within = acts.filter(({ atMs }) => atMs >= from && atMs < from + windowMs).length;
            expect(within).toBeLessThanOrEqual(most);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("a process that was held up catches up: the end is kept", async () => {
    const { acts, endedAtMs } = await run(1000, 10_000, () => 0.5, 2500);
    expect(acts).toHaveLength(1000);
    expect(endedAtMs).toBeLessThanOrEqual(10_000);
    expect(new Set(acts.map(({ atMs }) => atMs)).size).toBe(4);
  });

  it("few don't take the whole time: they come a tenth of a second apart", async () => {
    const { endedAtMs } = await run(5, 60_000, () => 0.999);
    expect(endedAtMs).toBeLessThanOrEqual(501);
  });

  it("without a spread all have their turn at once", async () => {
    const { acts, endedAtMs } = await run(20, 0, () => 0.5);
    expect([acts.length, endedAtMs]).toEqual([20, 0]);
    expect(new Set(acts.map(({ atMs }) => atMs))).toEqual(new Set([0]));
  });

  it("the order and the moments are the random source's", async () => {
    const first = await run(10, 1000, () => 0);
    const second = await run(10, 1000, () => 0.999);
    const order = ({ acts }: Run) => acts.map(({ item }) => item);
    expect(order(first)).not.toEqual([...order(first)].sort((left, right) => left - right));
    expect(order(second)).not.toEqual(order(first));
    const moments = ({ acts }: Run) => acts.map(({ atMs }) => atMs);
    expect(moments(second)).not.toEqual(moments(first));
  });
});
