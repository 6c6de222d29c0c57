import { expect, test } from "vitest";
import { Numbered } from "../kube/traffic/numbered.ts";
import { emptyTally, quantile, sumOf } from "../kube/traffic/tally.ts";

/** What is counted of what one client got on one channel. */
function follow(hasHistory: boolean, happen: (channel: Numbered) => void) {
  const tally = emptyTally();
  happen(new Numbered(tally, hasHistory));
  const { delivered, missed, repeated, falselyRecovered, recovered, gaps, missedWithoutHistory } = tally;
  return { delivered, missed, repeated, falselyRecovered, recovered, gaps, missedWithoutHistory };
}

const NOTHING = {
  delivered: 0,
  missed: 0,
  repeated: 0,
  falselyRecovered: 0,
  recovered: 0,
  gaps: {},
  missedWithoutHistory: 0,
};

test("numbers that come one after the other are all there, wherever they begin", () => {
  const seen = follow(true, (channel) => {
    for (const number of [7, 8, 9]) channel.onNumber(number);
    channel.onEnd(9);
  });
  expect(seen).toEqual({ ...NOTHING, delivered: 3 });
});

test("a hole, and an end that never came, are missed events", () => {
  const seen = follow(true, (channel) => {
    channel.onNumber(1);
    channel.onNumber(4);
    channel.onEnd(6);
    // The next round goes on from there: nothing is counted twice.
    channel.onNumber(7);
    channel.onEnd(7);
  });
  expect(seen).toEqual({ ...NOTHING, delivered: 3, missed: 4 });
});

test("a hole behind `recovered` was a lie; one behind a gap was told", () => {
  const lie = follow(true, (channel) => {
    channel.onNumber(1);
    channel.onRecovered();
    channel.onNumber(3);
  });
  expect(lie).toEqual({ ...NOTHING, delivered: 2, missed: 1, recovered: 1, falselyRecovered: 1 });
  const told = follow(true, (channel) => {
    channel.onNumber(1);
    channel.onGap("too_old");
    channel.onNumber(3);
  });
  expect(told).toEqual({ ...NOTHING, delivered: 2, missed: 1, gaps: { too_old: 1 } });
});

test("a number that comes again is counted, and doesn't turn back the clock", () => {
  const seen = follow(true, (channel) => {
    for (const number of [1, 2, 1, 3]) channel.onNumber(number);
  });
  expect(seen).toEqual({ ...NOTHING, delivered: 4, repeated: 1 });
});

test("on a channel without a history holes are counted apart", () => {
  const seen = follow(false, (channel) => {
    channel.onNumber(1);
    channel.onNumber(5);
  });
  expect(seen).toEqual({ ...NOTHING, delivered: 2, missedWithoutHistory: 3 });
});

test("tallies of several processes add up", () => {
  const one = { ...emptyTally(), closes: { 4200: 2 }, downtimesMs: [5], missed: 1 };
  const two = { ...emptyTally(), closes: { 4200: 1, 1006: 1 }, downtimesMs: [7, 9], standing: 3 };
  const sum = { ...emptyTally(), closes: { 4200: 3, 1006: 1 }, downtimesMs: [5, 7, 9], missed: 1, standing: 3 };
  expect(sumOf([one, two])).toEqual(sum);
  expect(quantile(sum.downtimesMs, 0.5)).toBe(7);
  expect(quantile([], 0.5)).toBeNull();
});
