import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { intervalOf } from "../micro/interval.ts";

const ratio = fc.double({ min: 0.1, max: 10, noNaN: true });
const samples = fc.array(fc.array(ratio, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 });
const options = { numRuns: 30 };

describe("interval of a median", () => {
  test("lies within the ratios, around their median", () => {
    fc.assert(
      fc.property(samples, (rounds) => {
        const { low, median, high } = intervalOf(rounds);
        const all = rounds.flat();
        expect(low).toBeGreaterThanOrEqual(Math.min(...all));
        expect(high).toBeLessThanOrEqual(Math.max(...all));
        expect(median).toBeGreaterThanOrEqual(Math.min(...all));
        expect(low).toBeLessThanOrEqual(high);
      }),
      options,
    );
  });

  test("of ratios that are all the same is that ratio", () => {
    fc.assert(
      fc.property(ratio, (same) => {
        expect(intervalOf([[same, same], [same]])).toEqual({ low: same, median: same, high: same });
      }),
      options,
    );
  });

  test("grows with the ratios: twice as slow is an interval twice as high", () => {
    fc.assert(
      fc.property(samples, (rounds) => {
        const [once, twice] = [intervalOf(rounds), intervalOf(rounds.map((each) => each.map((value) => 2 * value)))];
        expect(twice).toEqual({ low: 2 * once.low, median: 2 * once.median, high: 2 * once.high });
      }),
      options,
    );
  });

  test("is the same for the same ratios", () => {
    const rounds = [
      [1.02, 0.98, 1.1],
      [0.95, 1.3, 1.01],
    ];
    expect(intervalOf(rounds)).toEqual(intervalOf(rounds));
  });

  test("is narrow where pairs agree, and spans them where they don't: rounds of one pair say little about the next", () => {
    const rounds = (level: number) => Array.from({ length: 20 }, (_, index) => level + (index % 5) / 1000);
    const agreeing = intervalOf([rounds(1.2), rounds(1.2), rounds(1.2), rounds(1.2)]);
    expect(agreeing.low).toBeGreaterThan(1.19);
    const disagreeing = intervalOf([rounds(1.2), rounds(1.2), rounds(1), rounds(1)]);
    expect(disagreeing.low).toBeLessThan(1.1);
    expect(disagreeing.high).toBeGreaterThan(1.19);
  });

  test("does not follow a single round that went wrong", () => {
    const rounds = Array.from({ length: 4 }, () => [1, 1.01, 0.99, 1, 1.02, 0.98, 9, 1]);
    expect(intervalOf(rounds).high).toBeLessThan(1.1);
  });

  test("of no ratios is none", () => {
    expect(intervalOf([])).toEqual({ low: Number.NaN, median: Number.NaN, high: Number.NaN });
    expect(intervalOf([[]]).low).toBeNaN();
  });
});
