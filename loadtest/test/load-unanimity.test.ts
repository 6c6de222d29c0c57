import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Unanimity } from "../k6/lib/unanimity.ts";

describe("whether something is so of all", () => {
  test("law › however often it is asked, and whatever changes meanwhile, the answer is that of every()", () => {
    const rounds = fc.integer({ min: 0, max: 8 }).chain((length) => {
      const states = fc.array(fc.boolean(), { minLength: length, maxLength: length });
      return fc.array(states, { minLength: 1, maxLength: 10 });
    });
    fc.assert(
      fc.property(rounds, (all) => {
        const unanimity = new Unanimity<{ readonly index: number }>();
        const members = (all[0] ?? []).map((_, index) => ({ index }));
        for (const states of all)
          expect(unanimity.isReached(members, ({ index }) => states[index] === true)).toBe(states.every(Boolean));
      }),
    );
  });

  test("while one is against it, nobody else is asked", () => {
    const unanimity = new Unanimity<number>();
    const asked: number[] = [];
    const ask = (): boolean =>
      unanimity.isReached([1, 2, 3, 4], (member) => {
        asked.push(member);
        return member !== 3;
      });
    expect(ask()).toBe(false);
    asked.length = 0;
    expect(ask()).toBe(false);
    expect(asked).toEqual([3]);
  });
});
