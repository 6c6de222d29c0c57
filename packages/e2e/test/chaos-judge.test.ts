import { describe, expect, test } from "vitest";
import { judge } from "../chaos/judge.ts";
import type { Noted, RunEvent } from "../chaos/run-record.ts";

const CHANNEL = "c";
const at = (offset: number) => `epoch:${offset}`;

function acknowledged(offset: number): RunEvent {
  return { kind: "acknowledged", channel: CHANNEL, writer: 1, number: offset, position: at(offset) };
}

function delivered(offset: number, number = offset): RunEvent {
  return { kind: "delivered", client: 1, channel: CHANNEL, position: at(offset), writer: 1, number };
}

function joined(offset: number): RunEvent {
  return {
    kind: "subscribed",
    client: 1,
    channel: CHANNEL,
    position: at(offset),
    asked: null,
    recovered: null,
    reason: "",
  };
}

function back(asked: number, offset: number, reason = ""): RunEvent {
  const recovered = reason === "";
  return { kind: "subscribed", client: 1, channel: CHANNEL, position: at(offset), asked: at(asked), recovered, reason };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** What is wrong with a run in which `first` to `last` were acknowledged, and one client saw `seen`. */
function verdictOn(seen: readonly RunEvent[], last = 10, kept = 5) {
  const events: Noted[] = [...range(1, last).map(acknowledged), ...seen].map((event, atMs) => ({ ...event, atMs }));
  return judge(events, { keptOf: () => kept, maxUnprovenShare: 0.01 });
}

const violationsOf = (seen: readonly RunEvent[], last = 10) => verdictOn(seen, last).violations.join("\n");

describe("chaos › the judge", () => {
  test("finds nothing wrong with a client that got everything once and in order, over a recovery", () => {
    const seen = [
      joined(2),
      ...range(3, 5).map((each) => delivered(each)),
      back(5, 8),
      ...range(6, 10).map((each) => delivered(each)),
    ];
    expect(verdictOn(seen)).toMatchObject({
      violations: [],
      acknowledged: 10,
      delivered: 8,
      recovered: 1,
      justified: 0,
    });
  });

  test("a missed event within recovered: true is a violation", () => {
    const seen = [
      joined(0),
      ...range(1, 4).map((each) => delivered(each)),
      back(4, 8),
      ...range(6, 10).map((each) => delivered(each)),
    ];
    expect(violationsOf(seen)).toContain("missed 1 between 0 and 10: 5 (1/5)");
  });

  test("an event twice is a violation", () => {
    const seen = [
      joined(0),
      ...[1, 2, 3, 3].map((each) => delivered(each)),
      ...range(4, 10).map((each) => delivered(each)),
    ];
    expect(violationsOf(seen)).toContain("got 3 (1/3) twice");
  });

  test("an earlier event behind a later one is a violation", () => {
    const seen = [
      joined(0),
      ...[1, 3, 2].map((each) => delivered(each)),
      ...range(4, 10).map((each) => delivered(each)),
    ];
    expect(violationsOf(seen)).toContain("got 2 (1/2) behind 3");
  });

  test("not to stand at the head at the end is a violation", () => {
    expect(violationsOf([joined(0), ...range(1, 9).map((each) => delivered(each))])).toContain(
      "ends at 9, the head is 10",
    );
  });

  test("one event that stands in the stream twice is a violation", () => {
    const seen = [joined(0), ...range(1, 10).map((each) => delivered(each)), delivered(11, 10)];
    expect(violationsOf(seen)).toContain("event 1/10 stands at 10 and at 11");
  });

  test("recovered: false excuses what was missed, when it really was kept no more", () => {
    const seen = [joined(0), delivered(1), back(1, 9, "too_old"), delivered(10)];
    expect(verdictOn(seen)).toMatchObject({ violations: [], justified: 1, recovered: 0 });
  });

  test("recovered: false with everything still kept is not right, whatever the reason", () => {
    for (const reason of ["too_old", "unavailable", "epoch_changed"]) {
      const seen = [joined(0), ...range(1, 7).map((each) => delivered(each)), back(7, 9, reason), delivered(10)];
      expect(verdictOn(seen).unproven.get(reason)).toBe(1);
      expect(violationsOf(seen)).toContain("1 recoveries failed though all was kept");
    }
  });

  test("one unproven recovery in a hundred passes", () => {
    const recoveries = range(1, 99).map(() => back(7, 9));
    const seen = [
      joined(0),
      ...range(1, 7).map((each) => delivered(each)),
      ...recoveries,
      back(7, 9, "unavailable"),
      delivered(10),
    ];
    expect(verdictOn(seen).violations).toEqual([]);
  });

  test("a gap that was told excuses what was missed, and counts as unproven", () => {
    const gap: RunEvent = { kind: "gap", client: 1, channel: CHANNEL, position: null };
    const seen = [joined(0), delivered(1), gap, ...range(5, 10).map((each) => delivered(each))];
    const { violations, unproven } = verdictOn(seen);
    expect(unproven.get("gap")).toBe(1);
    expect(violations).toEqual([expect.stringContaining("1 recoveries failed")]);
  });
});
