import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { retryDelayMs } from "../src/backoff.ts";

const RULES = { firstMs: 1000, maxMs: 600_000, horizonMs: 86_400_000 };

describe("backoff", () => {
  it("doubles up to its bound", () => {
    expect([1, 2, 3, 10, 11, 1000].map((attempt) => retryDelayMs(RULES, attempt, 0))).toEqual([
      1000, 2000, 4000, 512_000, 600_000, 600_000,
    ]);
  });

  it("law › jitter takes away at most half, and nothing is ever added", () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), random, (attempt, share) => {
        const longest = retryDelayMs(RULES, attempt, 0);
        const delay = retryDelayMs(RULES, attempt, share);
        expect(delay).toBeLessThanOrEqual(longest);
        expect(delay).toBeGreaterThanOrEqual(longest / 2);
      }),
    );
  });
});
