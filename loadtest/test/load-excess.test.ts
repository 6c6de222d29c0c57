import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Buckets } from "../k6/lib/buckets.ts";
import { excessOf, SHARES } from "../k6/lib/excess.ts";

describe("the sum by which k6 judges a percentile", () => {
  test("law › over any parts it is more than 0 exactly when the percentile of all of them is over the limit", () => {
    const parts = fc.array(fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 120 }), {
      minLength: 1,
      maxLength: 5,
    });
    const limits = fc.integer({ min: 0, max: 3_000 });
    fc.assert(
      fc.property(parts, fc.constantFrom(...SHARES), limits, (lists, share, mostMs) => {
        const whole = new Buckets();
        let excess = 0;
        for (const list of lists) {
          const part = new Buckets();
          for (const ms of list) {
            part.add(ms);
            whole.add(ms);
          }
          excess += excessOf(part.toCounts(), { share, mostMs });
        }
        const percentile = whole.percentile(share);
        fc.pre(percentile !== null);
        expect(excess > 0).toBe((percentile ?? 0) > mostMs);
      }),
    );
  });
});
