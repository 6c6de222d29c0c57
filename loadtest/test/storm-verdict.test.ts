import { describe, expect, test } from "vitest";
import type { FollowerReport } from "../bench/generator/messages.ts";
import { problemsOfStorm, type StormFacts } from "../bench/storm-verdict.ts";

const GOOD: FollowerReport = {
  returned: 50,
  complete: 50,
  missing: 0,
  repeated: 0,
  unrecovered: [],
  gaps: 0,
  lost: 0,
  malformed: 0,
  all: [],
  live: [],
};

const FACTS: StormFacts = {
  clients: 100,
  published: 1_000,
  refused: 0,
  reports: [GOOD, GOOD],
  reads: [2, 3],
  maxReads: 3,
};

const withReport = (change: Partial<FollowerReport>): StormFacts => ({
  ...FACTS,
  reports: [GOOD, { ...GOOD, ...change }],
});

describe("verdict of a recovery storm", () => {
  test("nothing is wrong when all are back and have everything once, in order", () => {
    expect(problemsOfStorm(FACTS)).toEqual([]);
  });

  test.each([
    ["a client that is not back", withReport({ returned: 49 }), "1 of 100 clients did not come back"],
    ["a client that lacks something", withReport({ complete: 48 }), "2 of 100 clients do not have all 1000 events"],
    ["an event that was left out", withReport({ missing: 3 }), "3 events were left out"],
    ["an event that came again", withReport({ repeated: 1 }), "1 events came again, or out of order"],
    ["a gap", withReport({ gaps: 7 }), "7 gaps were announced"],
    ["a connection that was cut", withReport({ lost: 4 }), "4 connections were closed by a gateway"],
    ["a delivery that is another's", withReport({ malformed: 1 }), "1 sampled deliveries were not what was published"],
    ["a refused publish", { ...FACTS, refused: 2 }, "2 publishes were refused"],
    ["nothing that could be missed", { ...FACTS, published: 0 }, "nothing was published"],
    ["a gateway that reads for each client", { ...FACTS, reads: [3, 40] }, "gateway 2 read the store 40 times"],
  ] as const)("%s is told", (_, facts, problem) => {
    expect(problemsOfStorm(facts).join("; ")).toContain(problem);
  });

  test("clients that were not told that nothing is missing are counted by reason, over all processes", () => {
    const reports = [
      { ...GOOD, unrecovered: [["too_old", 2]] as const },
      {
        ...GOOD,
        unrecovered: [
          ["too_old", 1],
          ["unavailable", 4],
        ] as const,
      },
    ];
    expect(problemsOfStorm({ ...FACTS, reports })).toEqual([
      "3 clients were not told that nothing is missing: too_old",
      "4 clients were not told that nothing is missing: unavailable",
    ]);
  });
});
