import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Histogram, LONGEST_MS } from "../bench/histogram.ts";
import { median, percentile } from "../bench/statistics.ts";

const share = fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1);

describe("statistics", () => {
  test("the median of an even count lies between the two in the middle; of nothing there is none", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([3, 1, 2])).toBe(2);
    expect(median([])).toBeNaN();
    expect(percentile([], 0.5)).toBeNaN();
  });

  test("law › a histogram of whole milliseconds tells the same percentiles as a list of all times", () => {
    const times = fc.array(fc.nat({ max: LONGEST_MS }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(times, share, (values, wanted) => {
        const histogram = new Histogram();
        for (const value of values) histogram.add(value);
        expect(histogram.percentile(wanted)).toBe(percentile(values, wanted));
        expect(histogram.count).toBe(values.length);
      }),
      { numRuns: 50 },
    );
  });

  test("law › histograms that are merged tell what one would that had all", () => {
    const times = fc.array(fc.double({ min: -5, max: LONGEST_MS * 2, noNaN: true }), { maxLength: 50 });
    fc.assert(
      fc.property(times, times, (some, others) => {
        const [first, second, all] = [new Histogram(), new Histogram(), new Histogram()];
        for (const value of some) first.add(value);
        for (const value of others) second.add(value);
        for (const value of [...some, ...others]) all.add(value);
        first.merge(second.toCounts());
        expect(first.toCounts()).toEqual(all.toCounts());
      }),
      { numRuns: 50 },
    );
  });

  test("parts of a millisecond count as a whole one, and an empty histogram has no percentile", () => {
    const histogram = new Histogram();
    expect(histogram.percentile(0.5)).toBeNaN();
    histogram.add(0.2);
    expect(histogram.percentile(1)).toBe(1);
  });
});
