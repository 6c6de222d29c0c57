import { describe, expect, it } from "vitest";
import { DURATION_BOUNDS_SECONDS, PublisherCounters } from "../src/publisher-counters.ts";

describe("PublisherCounters", () => {
  it("counts answers by status, and what is in flight", () => {
    const counters = new PublisherCounters();
    counters.begin();
    counters.begin();
    counters.begin();
    expect(counters.inFlight).toBe(3);
    counters.end(204, 1);
    counters.end(204, 1);
    counters.end(503, 1);
    expect(counters.inFlight).toBe(0);
    expect([...counters.answers]).toEqual([
      [204, 2],
      [503, 1],
    ]);
  });

  it("puts each duration into the first bucket whose bound it does not exceed", () => {
    const counters = new PublisherCounters();
    for (const durationMs of [0, 0.5, 0.6, 10_000, 10_001]) {
      counters.begin();
      counters.end(204, durationMs);
    }
    expect(counters.durations).toHaveLength(DURATION_BOUNDS_SECONDS.length + 1);
    expect(counters.durations[0]).toBe(2);
    expect(counters.durations[1]).toBe(1);
    expect(counters.durations.at(-2)).toBe(1);
    expect(counters.durations.at(-1)).toBe(1);
    expect(counters.durationSumSeconds).toBeCloseTo(20.0021);
  });
});
