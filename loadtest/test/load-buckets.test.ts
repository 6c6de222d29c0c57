import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BUCKET_BOUNDS, Buckets, bucketOf } from "../k6/lib/buckets.ts";

const ms = fc.double({ min: 0, max: 130_000, noNaN: true });

describe("buckets of times", () => {
  test("law › a time is never told shorter than it was, nor longer by more than a tenth", () => {
    fc.assert(
      fc.property(ms, (time) => {
        const bound = bucketOf(time);
        expect(BUCKET_BOUNDS).toContain(bound);
        if (time <= 120_000) expect(bound).toBeGreaterThanOrEqual(time);
        expect(bound).toBeLessThanOrEqual(Math.max(Math.ceil(time), Math.ceil(time) * 1.1));
      }),
    );
  });

  test("law › put together from any parts, percentiles are those of one who saw all of it", () => {
    const parts = fc.array(fc.array(ms, { maxLength: 50 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(parts, fc.constantFrom(0.01, 0.5, 0.95, 0.99, 1), (lists, share) => {
        const [merged, whole] = [new Buckets(), new Buckets()];
        for (const list of lists) {
          const part = new Buckets();
          for (const time of list) {
            part.add(time);
            whole.add(time);
          }
          merged.merge(part.toCounts());
        }
        const sorted = lists.flat().sort((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
        expect(merged.toCounts()).toEqual(whole.toCounts());
        expect(merged.percentile(share)).toBe(exact === undefined ? null : bucketOf(exact));
      }),
    );
  });
});
