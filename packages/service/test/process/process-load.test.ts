import { open } from "node:fs/promises";
import { eventually, FakeClock } from "@carillon/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LoopLag } from "../../src/process/loop-lag.ts";
import { MemoryInUse } from "../../src/process/memory-in-use.ts";
import { openFileLimit } from "../../src/process/open-file-limit.ts";
import { ProcessLoad } from "../../src/process/process-load.ts";
import { systemClock } from "../../src/process/system-clock.ts";

/** Holds up the loop. */
function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

describe("ProcessLoad", () => {
  test("tells a loop that is held up, and only that", async () => {
    const load = new ProcessLoad(systemClock, 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    load.read();
    block(600);
    expect(load.read().lagMs).toBeGreaterThan(400);
    await eventually(() => expect(load.read().lagMs).toBeLessThan(300));
    load.close();
  });

  test.runIf(process.platform === "linux")("counts open files, where the system tells", async () => {
    const load = new ProcessLoad(systemClock, 1);
    const limit = openFileLimit() ?? 1;
    const before = load.read().fileShare * limit;
    const files = await Promise.all(Array.from({ length: 50 }, () => open("/dev/null")));
    const after = load.read().fileShare * limit;
    // Before Linux 6.2 it is 0 all the time.
    if (before > 0) expect(after - before).toBeGreaterThanOrEqual(50);
    else expect(after).toBe(0);
    await Promise.all(files.map((file) => file.close()));
    load.close();
  });

  test("knows its memory, and the share of what it may take", () => {
    const load = new ProcessLoad(systemClock, 1);
    const { memoryBytes, memoryShare } = load.read();
    expect(memoryBytes).toBeGreaterThan(10_000_000);
    expect(memoryShare).toBeGreaterThan(0);
    expect(memoryShare).toBeLessThan(1);
    load.close();
  });
});

describe("memory in use", () => {
  const MIB = 1024 * 1024;

  test("what was freed isn't, also where the process keeps it", async () => {
    const load = new ProcessLoad(systemClock, 1);
    load.reclaim();
    const before = load.read().memoryBytes;
    // Small pieces, and one that stays now and then: nothing of it goes back to the system.
    let pieces = Array.from({ length: 20_000 }, () => new Uint8Array(9000).fill(1));
    expect(load.read().memoryBytes - before).toBeGreaterThan(100 * MIB);
    pieces = pieces.filter((_, index) => index % 50 === 0);
    await eventually(() => {
      load.reclaim();
      expect(load.read().memoryBytes - before).toBeLessThan(50 * MIB);
    });
    expect(pieces).toHaveLength(400);
    load.close();
  });

  test("is all of it while the process grows, and never more than it has", () => {
    const readings = fc.array(
      fc.record({ resident: fc.nat(10_000), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    );
    fc.assert(
      fc.property(readings, (all) => {
        const memory = new MemoryInUse();
        let peak = 0;
        for (const { resident, share } of all) {
          const used = memory.note(resident, resident * share);
          expect(used).toBeLessThanOrEqual(resident);
          if (resident > peak * 1.03) expect(used).toBe(resident);
          peak = Math.max(peak, resident);
        }
      }),
    );
  });
});

describe("LoopLag", () => {
  test("an event that comes at any time falls into a turn of this length, on average", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 50, max: 5000 }), { minLength: 1, maxLength: 100 }), (turns) => {
        const clock = new FakeClock();
        const lag = new LoopLag(clock);
        for (const turn of turns) clock.freeze(turn);
        const total = turns.reduce((sum, turn) => sum + turn, 0);
        // What falls into a turn is in proportion to its length.
        const expected = turns.reduce((sum, turn) => sum + turn * (turn / total), 0) - 50;
        expect(lag.read()).toBeCloseTo(expected, 3);
        lag.close();
        expect(clock.pendingTimers).toBe(0);
      }),
    );
  });

  test("an idle loop has none, and none is left of what was read before", () => {
    const clock = new FakeClock();
    const lag = new LoopLag(clock);
    expect(lag.read()).toBe(0);
    clock.advance(1000);
    expect(lag.read()).toBe(0);
    clock.freeze(2000);
    expect(lag.read()).toBeGreaterThan(1900);
    clock.advance(1000);
    expect(lag.read()).toBe(0);
    lag.close();
  });

  test("a loop that is held up in every turn is never missed, whoever runs first in a turn", () => {
    const clock = new FakeClock();
    const readings: number[] = [];
    const early = clock.every(1000, () => readings.push(lag.read()));
    const lag = new LoopLag(clock);
    const late = clock.every(1000, () => readings.push(lag.read()));
    for (let turn = 0; turn < 5; turn++) clock.freeze(3000);
    // One of the two reads at once after the other, when nothing has passed.
    expect(readings.filter((reading) => reading > 1000).length).toBeGreaterThanOrEqual(5);
    for (const { cancel } of [early, late]) cancel();
    lag.close();
  });
});
