import { RateLimit } from "@carillon/core";
import fc from "fast-check";
import { expect, it } from "vitest";

const pauses = fc.array(fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 3000 }), fc.constant(0)), {
  minLength: 1,
  maxLength: 200,
});
const rate = fc.integer({ min: 1, max: 1000 });

it("N35 › RateLimit › in no stretch of time do more pass than the burst and what the time allows", () => {
  fc.assert(
    fc.property(rate, pauses, (perSecond, gaps) => {
      const limit = new RateLimit();
      const passed: number[] = [];
      let nowMs = 12_345;
      for (const gap of gaps) {
        nowMs += gap;
        if (limit.take(perSecond, nowMs)) passed.push(nowMs);
      }
      const burst = 2 * perSecond;
      for (const [first, fromMs] of passed.entries()) {
        for (const [last, toMs] of passed.entries()) {
          if (last < first) continue;
          // A hair's breadth for the rounding of doubles.
          expect(last - first + 1).toBeLessThanOrEqual(burst + ((toMs - fromMs) * perSecond) / 1000 + 1e-6);
        }
      }
    }),
  );
});

it("N35 › RateLimit › whoever keeps to the rate is never refused", () => {
  fc.assert(
    fc.property(rate, fc.nat({ max: 100 }), (perSecond, count) => {
      const limit = new RateLimit();
      for (let index = 0; index <= count; index++) {
        expect(limit.take(perSecond, Math.ceil((index * 1000) / perSecond))).toBe(true);
      }
    }),
  );
});

it("N35 › RateLimit › after a pause of two seconds the whole burst is there again, and no more", () => {
  const limit = new RateLimit();
  const takeAll = (nowMs: number) => Array.from({ length: 30 }, () => limit.take(10, nowMs)).filter(Boolean).length;
  expect([takeAll(1000), takeAll(1000), takeAll(3000), takeAll(1e9)]).toEqual([20, 0, 20, 20]);
});

it("RateLimit › zero lets everything through, and a changed rate holds at once", () => {
  const limit = new RateLimit();
  for (let index = 0; index < 1000; index++) expect(limit.take(0, 0)).toBe(true);
  for (let index = 0; index < 20; index++) expect(limit.take(10, 0)).toBe(true);
  expect(limit.take(10, 0)).toBe(false);
  expect(limit.take(0, 0)).toBe(true);
  // What 10 a second had saved up for 100 seconds is more than 1 a second may keep.
  expect([limit.take(1, 100_000), limit.take(1, 100_000), limit.take(1, 100_000)]).toEqual([true, true, false]);
});
