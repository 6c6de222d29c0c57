import { ExpiryWheel } from "@carillon/core";
import { FakeClock } from "@carillon/testkit";
import fc from "fast-check";
import { expect, it } from "vitest";
import { START_MS } from "./support/test-node.ts";

function createWheel(startMs = START_MS) {
  const clock = new FakeClock(startMs);
  const fired: { readonly entry: number; readonly atMs: number }[] = [];
  const wheel = new ExpiryWheel<number>({ clock, onExpired: (entry) => fired.push({ entry, atMs: clock.now() }) });
  return { clock, fired, wheel };
}

const entry = fc.record({ inMs: fc.integer({ min: 0, max: 10_000 }), isRemoved: fc.boolean() });

it("N26 › ExpiryWheel › fires each entry once, never early and within a second; removed ones never", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 999 }),
      fc.array(entry, { maxLength: 30 }),
      fc.array(fc.nat({ max: 3000 })),
      (phase, entries, steps) => {
        const { clock, fired, wheel } = createWheel(START_MS + phase);
        const dueMs = entries.map(({ inMs }) => clock.now() + inMs);
        for (const [index, atMs] of dueMs.entries()) wheel.add(index, atMs);
        for (const [index, { isRemoved }] of entries.entries())
          if (isRemoved) wheel.remove(index, dueMs[index] as number);
        for (const ms of [...steps, 20_000]) clock.advance(ms);
        expect(fired.map((each) => each.entry).sort()).toEqual(
          [...entries.keys()].filter((index) => entries[index]?.isRemoved === false).sort(),
        );
        for (const { entry: index, atMs } of fired) {
          expect(atMs).toBeGreaterThanOrEqual(dueMs[index] as number);
          expect(atMs).toBeLessThanOrEqual((dueMs[index] as number) + 1000);
        }
        wheel.close();
        expect(clock.pendingTimers).toBe(0);
      },
    ),
  );
});

it("ExpiryWheel › what fires may remove others that are due, and add some", () => {
  const clock = new FakeClock(START_MS);
  const fired: string[] = [];
  const wheel = new ExpiryWheel<string>({
    clock,
    onExpired: (each) => {
      fired.push(each);
      wheel.remove("b", START_MS + 100);
      if (each === "a") wheel.add("later", START_MS + 100);
    },
  });
  wheel.add("a", START_MS + 100);
  wheel.add("b", START_MS + 100);
  clock.advance(5000);
  expect(fired).toEqual(["a", "later"]);
});

it("ExpiryWheel › an entry that throws keeps no other from firing", () => {
  const clock = new FakeClock(START_MS);
  const fired: string[] = [];
  const wheel = new ExpiryWheel<string>({
    clock,
    onExpired: (each) => {
      if (each === "bad") throw new Error("a bug");
      fired.push(each);
    },
  });
  wheel.add("bad", START_MS + 100);
  wheel.add("good", START_MS + 100);
  expect(() => clock.advance(1000)).toThrow("a bug");
  clock.advance(1000);
  expect(fired).toEqual(["good"]);
});

it("ExpiryWheel › removing what isn't there, or is there for another time, changes nothing", () => {
  const { clock, fired, wheel } = createWheel();
  wheel.remove(1, START_MS);
  wheel.add(1, START_MS + 2000);
  wheel.remove(1, START_MS + 9000);
  clock.advance(4000);
  expect(fired.map((each) => each.entry)).toEqual([1]);
});

it("ExpiryWheel › nothing fires after close", () => {
  const { clock, fired, wheel } = createWheel();
  wheel.add(1, START_MS + 100);
  wheel.close();
  clock.advance(10_000);
  expect(fired).toEqual([]);
});
