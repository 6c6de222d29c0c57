import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PublishBudget } from "../src/publish-budget.ts";

describe("PublishBudget", () => {
  it("lets twice the rate through at once, then says how long the next event takes", () => {
    const budget = new PublishBudget();
    for (let event = 0; event < 20; event++) expect(budget.spend(1, 10, 1000)).toBe(0);
    expect(budget.spend(1, 10, 1000)).toBe(100);
    expect(budget.spend(1, 10, 1040)).toBeCloseTo(60);
    expect(budget.spend(1, 10, 1100)).toBe(0);
  });

  it("lets a batch larger than the burst through, and takes the rest from the future", () => {
    const budget = new PublishBudget();
    expect(budget.spend(50, 10, 0)).toBe(0);
    expect(budget.spend(1, 10, 0)).toBe(3100);
    expect(budget.spend(1, 10, 3100)).toBe(0);
  });

  it("has no limit at 0, and a changed rate holds at once", () => {
    const budget = new PublishBudget();
    expect(budget.spend(1_000_000, 0, 0)).toBe(0);
    for (let event = 0; event < 2; event++) expect(budget.spend(1, 1, 0)).toBe(0);
    expect(budget.spend(1, 1, 0)).toBe(1000);
    expect(budget.spend(1, 1000, 1)).toBe(0);
  });

  it("holds the average over any calls: burst, rate and one call's worth of debt bound what passes", () => {
    const calls = fc.array(fc.record({ afterMs: fc.nat(500), count: fc.integer({ min: 1, max: 30 }) }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 50 }), (all, perSecond) => {
        const budget = new PublishBudget();
        let nowMs = 0;
        let passed = 0;
        for (const { afterMs, count } of all) {
          nowMs += afterMs;
          if (budget.spend(count, perSecond, nowMs) === 0) passed += count;
        }
        expect(passed).toBeLessThanOrEqual(perSecond * 2 + (nowMs * perSecond) / 1000 + 30);
      }),
    );
  });

  it("is ready once the wait that it told has passed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 5000 }), (perSecond, count) => {
        const budget = new PublishBudget();
        budget.spend(count, perSecond, 0);
        const waitMs = budget.spend(1, perSecond, 0);
        // A whole number of seconds, as Retry-After tells it.
        if (waitMs > 0) expect(budget.spend(1, perSecond, Math.ceil(waitMs / 1000) * 1000 + 1)).toBe(0);
      }),
    );
  });
});
