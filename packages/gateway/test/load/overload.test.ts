import { FakeClock } from "@carillon/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Latch } from "../../src/latch.ts";
import { type LoadReading, Overload, type OverloadLimits } from "../../src/overload.ts";

const CALM: LoadReading = { lagMs: 0, memoryBytes: 0, memoryShare: 0, fileShare: 0 };
const LIMITS: OverloadLimits = {
  maxEventLoopLagMs: 200,
  maxMemoryPercent: 80,
  maxMemoryBytes: 1000,
  maxOpenFilesPercent: 90,
};

function watched(limits: Partial<OverloadLimits> = {}) {
  const clock = new FakeClock();
  const source = { reading: CALM, read: () => source.reading, reclaimed: 0, reclaim: () => void source.reclaimed++ };
  const others = { accept: true };
  const hasOthers = () => others.accept;
  const overload = new Overload({ clock, source, limits: { ...LIMITS, ...limits }, hasOthers });
  const pass = (seconds: number, reading: Partial<LoadReading>) => {
    source.reading = { ...CALM, ...reading };
    clock.advance(seconds * 1000);
    return overload.reason;
  };
  return { clock, overload, others, pass, source };
}

describe("Latch", () => {
  it("never changes by a single reading, nor by readings between the two limits", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 100 })), (readings) => {
        const latch = new Latch({ closesAt: 60, opensBelow: 40 });
        const states = readings.map((reading) => latch.note(reading));
        for (const [at, state] of states.entries()) {
          if (state === (states[at - 1] ?? false)) continue;
          const cause = readings.slice(at - (state ? 1 : 2), at + 1);
          expect(cause).toHaveLength(state ? 2 : 3);
          expect(cause.every((reading) => (state ? reading >= 60 : reading < 40))).toBe(true);
        }
      }),
    );
  });

  it("closes and opens in the end", () => {
    const latch = new Latch({ closesAt: 60, opensBelow: 40 });
    expect([60, 60, 39, 39, 39].map((reading) => latch.note(reading))).toEqual([false, true, true, true, false]);
  });

  it("without a limit it never closes", () => {
    const latch = new Latch({ closesAt: 0, opensBelow: 0 });
    expect([1, 1e9, 1e9].map((reading) => latch.note(reading))).toEqual([false, false, false]);
  });
});

describe("Overload", () => {
  it.each<[string, Partial<LoadReading>, Partial<LoadReading>, Partial<LoadReading>]>([
    ["lag", { lagMs: 200 }, { lagMs: 101 }, { lagMs: 99 }],
    ["memory", { memoryShare: 0.8 }, { memoryShare: 0.76 }, { memoryShare: 0.74 }],
    ["memory", { memoryBytes: 1000 }, { memoryBytes: 960 }, { memoryBytes: 940 }],
    ["files", { fileShare: 0.9 }, { fileShare: 0.86 }, { fileShare: 0.84 }],
  ])("%s › two seconds over the limit, and until it is well below it", (reason, over, between, below) => {
    const { pass } = watched();
    expect(pass(1, over)).toBeNull();
    expect(pass(1, {})).toBeNull();
    expect(pass(2, over)).toBe(reason);
    expect(pass(60, between)).toBe(reason);
    expect(pass(2, below)).toBe(reason);
    expect(pass(1, below)).toBeNull();
  });

  it("garbage is collected when memory closes the door, and now and then until it opens; for nothing else", () => {
    const { pass, source } = watched();
    pass(60, { lagMs: 300 });
    pass(60, { fileShare: 1 });
    expect(source.reclaimed).toBe(0);
    pass(10, {});
    pass(2, { memoryBytes: 1000 });
    expect(source.reclaimed).toBe(1);
    pass(15, { memoryBytes: 1000 });
    expect(source.reclaimed).toBe(2);
    pass(60, {});
    expect(source.reclaimed).toBe(2);
  });

  it("0 switches each of them off", () => {
    const off = { maxEventLoopLagMs: 0, maxMemoryPercent: 0, maxMemoryBytes: 0, maxOpenFilesPercent: 0 };
    expect(watched(off).pass(10, { lagMs: 1e6, memoryBytes: 1e12, memoryShare: 2, fileShare: 1 })).toBeNull();
  });

  it("a process that was frozen has one long turn, and that is no overload", () => {
    const { clock, overload, pass } = watched();
    pass(5, {});
    clock.freeze(60_000);
    pass(1, { lagMs: 60_000 });
    pass(1, {});
    expect(overload.reason).toBeNull();
  });

  it("lag › out of service only when it lasts ten seconds, and another gateway takes connections", () => {
    const { overload, others, pass } = watched();
    pass(2, { lagMs: 500 });
    expect([overload.reason, overload.isOutOfService]).toEqual(["lag", false]);
    pass(9, { lagMs: 500 });
    expect(overload.isOutOfService).toBe(false);
    pass(1, { lagMs: 500 });
    expect(overload.isOutOfService).toBe(true);
    others.accept = false;
    expect([overload.reason, overload.isOutOfService]).toEqual(["lag", false]);
  });

  it("lag › what comes back has its ten seconds again", () => {
    const { overload, pass } = watched();
    pass(20, { lagMs: 500 });
    pass(3, {});
    pass(3, { lagMs: 500 });
    expect([overload.reason, overload.isOutOfService]).toEqual(["lag", false]);
  });

  it("memory › out of service while another gateway takes connections; files › whatever the others do", () => {
    const { overload, others, pass } = watched();
    pass(2, { memoryShare: 0.9 });
    expect(overload.isOutOfService).toBe(true);
    others.accept = false;
    expect(overload.isOutOfService).toBe(false);
    pass(2, { memoryShare: 0.9, fileShare: 0.99 });
    expect([overload.reason, overload.isOutOfService]).toEqual(["files", true]);
  });

  it("a wave that has all gateways lag takes none of them out of service", () => {
    // Each knows by the others' heartbeats whether they take connections.
    const gateways = [watched(), watched(), watched()];
    const herd = (seconds: number, lags: readonly number[]) => {
      for (let passed = 0; passed < seconds; passed++) {
        const refusing = gateways.map(({ overload }) => overload.reason !== null);
        for (const [at, { others, pass }] of gateways.entries()) {
          others.accept = refusing.some((isRefusing, other) => other !== at && !isRefusing);
          pass(1, { lagMs: lags[at] ?? 0 });
        }
      }
      return gateways.map(({ overload }) => overload.isOutOfService);
    };
    expect(herd(60, [900, 900, 900])).toEqual([false, false, false]);
    expect(herd(60, [900, 0, 900])).toEqual([true, false, true]);
    expect(herd(60, [0, 0, 0])).toEqual([false, false, false]);
  });

  it("leaves no timer behind", () => {
    const { clock, overload } = watched();
    overload.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
