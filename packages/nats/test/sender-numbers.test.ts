import { expect, it } from "vitest";
import { SenderNumbers } from "../src/sender-numbers.ts";

it("sender numbers › each once, in order; what is missing shows, for each sender apart", () => {
  const numbers = new SenderNumbers();
  const take = (sender: string, ...each: readonly number[]) => each.map((number) => numbers.take(sender, number));
  expect(take("a", 7, 8, 8, 7, 9)).toEqual(["next", "next", "repeat", "repeat", "next"]);
  expect(take("b", 1, 3, 2, 4)).toEqual(["next", "gap", "repeat", "next"]);
  expect(take("a", 11)).toEqual(["gap"]);
  expect(take("c", 0, Number.NaN, -1)).toEqual(["repeat", "repeat", "repeat"]);
  numbers.forgive();
  expect(take("a", 11, 20, 21, 23)).toEqual(["repeat", "next", "next", "gap"]);
});
