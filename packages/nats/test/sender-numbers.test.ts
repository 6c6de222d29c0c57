import { expect, it } from "vitest";
import { SenderNumbers } from "../src/sender-numbers.ts";

it("sender numbers › each once, in order; what is missing shows, for each sender apart, with how long it may be missing", () => {
  const numbers = new SenderNumbers();
  let nowMs = 0;
  const take = (sender: string, ...each: readonly number[]) =>
    each.map((number) => {
      nowMs += 1000;
      const verdict = numbers.take(sender, number, nowMs);
      return verdict.kind === "gap" ? verdict.silentMs : verdict.kind;
    });
  expect(take("a", 7, 8, 8, 7, 9)).toEqual(["next", "next", "repeat", "repeat", "next"]);
  expect(take("b", 1, 3, 2, 4)).toEqual(["next", 1000, "repeat", "next"]);
  expect(take("a", 11)).toEqual([5000]);
  expect(take("c", 0, Number.NaN, -1)).toEqual(["repeat", "repeat", "repeat"]);
  numbers.forgive();
  expect(take("a", 11, 20, 21, 23)).toEqual(["repeat", "next", "next", 1000]);
  expect(numbers.longestSilenceMs(nowMs)).toBe(nowMs - 9000);
  // Who was silent for so long has gone.
  expect(numbers.longestSilenceMs(nowMs + 299_000)).toBe(299_000);
});
