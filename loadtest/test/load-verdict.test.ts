import { describe, expect, test } from "vitest";
import type { CountName, TimeName } from "../k6/lib/objectives.ts";
import { COUNTS, objectivesOf, TIMES } from "../k6/lib/objectives.ts";
import { SCENARIO_NAMES } from "../k6/lib/phases.ts";
import type { Results } from "../k6/lib/results.ts";
import { mergeResults } from "../k6/lib/results.ts";
import { readSettings } from "../k6/lib/settings.ts";
import { RESULTS_MARK } from "../k6/lib/summary.ts";
import { judge } from "../k6/lib/verdict.ts";
import { reportsIn } from "../load/process-reports.ts";

const VARIABLES = {
  URL: "ws://127.0.0.1:1",
  PUBLISH_URL: "http://127.0.0.1:2",
  PUBLISH_SECRET: "publish",
  SECRET: "secret",
  HISTORY: "yes",
  N: "100",
};
const settings = readSettings("full", VARIABLES);

/** Results of a run in which all was well, with some changed. */
function results(
  counts: Partial<Record<CountName, number>> = {},
  times: Partial<Record<TimeName, number>> = {},
): Results {
  const good: Partial<Record<CountName, number>> = {
    clients: 100,
    subscribed: 100,
    finished: 100,
    deliveries: 5_000,
    disconnects: 0,
  };
  return {
    counts: Object.fromEntries(COUNTS.map((name) => [name, counts[name] ?? good[name] ?? 0])) as Results["counts"],
    times: Object.fromEntries(TIMES.map((name) => [name, [[times[name] ?? 10, 100]]])) as unknown as Results["times"],
  };
}

describe("the verdict", () => {
  test("passes a run in which all was well", () => {
    const { outcome, text } = judge(settings, results());
    expect({ outcome, text }).toEqual({ outcome: "passed", text: "PASSED: every objective was met." });
  });

  test.each([
    ["a loss", { lost: 1 }, "publications lost"],
    ["a repeat", { duplicates: 1 }, "publications delivered twice"],
    ["a damaged delivery", { malformed: 1 }, "deliveries that are not what was published"],
    ["a refused publish", { publish_refused: 1 }, "publishes refused"],
    ["a connection that broke", { disconnects: 1 }, "connections that broke"],
    ["a client that never came back", { not_back: 1 }, "clients that never came back"],
    ["a client that never connected", { subscribed: 99 }, "clients connected and subscribed"],
    ["a client that heard nothing", { silent: 1 }, "clients that heard nothing of a phase"],
    ["a thread that was cut off", { finished: 99 }, "clients that were there to the end"],
    ["a process that told nothing", { clients: 50, subscribed: 50, finished: 50 }, "clients started"],
    ["nothing at all", { deliveries: 0 }, "something was delivered"],
  ] as const)("fails for %s, also where the generator was late", (_, counts, title) => {
    for (const more of [{}, { generator_lag_ms: 5_000 }]) {
      const { outcome, objectives } = judge(settings, results(counts, more));
      expect(outcome).toBe("failed");
      expect(objectives.filter(({ isMet }) => !isMet).map((each) => each.title)).toEqual([title]);
    }
  });

  test("of a run that was cut off says so, and of no other one", () => {
    expect(judge(settings, results({ finished: 60 })).text).toMatch(/cut off before the end/);
    expect(judge(settings, results({ lost: 1 })).text).not.toMatch(/cut off/);
  });

  test("demands nothing of who comes back where nobody is to leave", () => {
    const titles = (CHURN: string) =>
      objectivesOf(readSettings("connect", { ...VARIABLES, CHURN })).map(({ title }) => title);
    expect(titles("0.01")).toContain("back after a drop, p99");
    expect(titles("0")).not.toContain("back after a drop, p99");
  });

  test("fails for a loss and says that times are not judged, where the generator was late and times were missed too", () => {
    const late = results({ lost: 1 }, { broadcast_ms: 3_000, generator_lag_ms: 400 });
    const { outcome, objectives, text } = judge(settings, late);
    expect(outcome).toBe("failed");
    expect(objectives.filter(({ result }) => result === "missed").map(({ title }) => title)).toEqual([
      "publications lost",
    ]);
    expect(objectives.filter(({ result }) => result === "not judged").map(({ title }) => title)).toEqual([
      "delivery to all, p50",
      "delivery to all, p95",
      "delivery to all, p99",
    ]);
    expect(text).toMatch(/^FAILED: publications lost: 1, demanded ≤ 0\. No time that was missed is judged/);
  });

  test("lateness excuses only what was measured meanwhile", () => {
    const connectingLate = { connect_lag_ms: 400, connect_ms: 6_000, reconnect_ms: 20_000 };
    expect(judge(settings, results({}, connectingLate)).outcome).toBe("generator");
    const deliveriesSlow = judge(settings, results({}, { ...connectingLate, broadcast_ms: 3_000 }));
    expect(deliveriesSlow.outcome).toBe("failed");
    expect(judge(settings, results({}, { generator_lag_ms: 400, connect_ms: 6_000 })).outcome).toBe("failed");
  });

  test("a publish without an answer fails a run, but not where a late generator may not have seen the answer", () => {
    const unanswered = { publish_unanswered: 2, publish_cut_off: 2 };
    expect(judge(settings, results(unanswered)).outcome).toBe("failed");
    expect(judge(settings, results(unanswered, { generator_lag_ms: 400 })).outcome).toBe("generator");
  });

  test("fails for a delivery that is too slow", () => {
    const { outcome, objectives } = judge(settings, results({}, { unicast_ms: 600 }));
    expect(outcome).toBe("failed");
    expect(objectives.find(({ isMet }) => !isMet)).toMatchObject({ reached: "600 ms", demanded: "≤ 500 ms" });
  });

  test("judges nothing where only times were missed and the generator was late itself", () => {
    const late = results({}, { broadcast_ms: 3_000, generator_lag_ms: 400 });
    const { outcome, text } = judge(settings, late);
    expect(outcome).toBe("generator");
    expect(text).toMatch(/^NOT JUDGED: the generator was the limit, so nothing is said about times/);
    const busy = judge(settings, results({}, { broadcast_ms: 3_000 }), { problems: ["its machine was busy"] });
    expect(busy).toMatchObject({ outcome: "generator", generatorProblems: ["its machine was busy"] });
  });

  test("passes where a late generator has measured times that are good enough all the same", () => {
    const { outcome, text } = judge(settings, results({}, { generator_lag_ms: 400 }));
    expect(outcome).toBe("passed");
    expect(text).toContain("The generator was late itself");
  });

  test("fails where a time that is demanded was never measured", () => {
    const none: Results = { ...results(), times: { ...results().times, unicast_ms: [] } };
    expect(judge(settings, none).outcome).toBe("failed");
  });

  test("each scenario demands that nothing is lost, that nothing comes twice, and that everybody connects", () => {
    for (const scenario of SCENARIO_NAMES) {
      const counts = objectivesOf(readSettings(scenario, VARIABLES)).map(
        (objective) => "count" in objective && objective.count,
      );
      expect(counts, scenario).toEqual(
        expect.arrayContaining(["lost", "duplicates", "subscribed", "finished", "silent"]),
      );
    }
  });

  test("one process among several that had a loss is enough", () => {
    const half = { clients: 50, subscribed: 50, finished: 50 };
    const merged = mergeResults([results(half), results({ ...half, lost: 1 })]);
    expect(merged.counts.deliveries).toBe(10_000);
    expect(judge(settings, merged).outcome).toBe("failed");
  });

  test.each([
    ["whose results are not here", 1],
    ["too many", 3],
  ])("fails for a process %s, whatever the others came to, and says so", (_, processes) => {
    const { outcome, text } = judge({ ...settings, processes: 2 }, results(), { processes });
    expect({ outcome, text }).toEqual({
      outcome: "failed",
      text: `FAILED: processes of k6 that told all: ${processes}, demanded 2.`,
    });
  });
});

describe("logs of pods", () => {
  const line = (process: string) => `${RESULTS_MARK}${JSON.stringify({ settings, results: results(), process })}`;

  test("one that is there twice counts once; one that was cut off doesn't", () => {
    const text = [line("a"), "other words", line("a"), line("b"), line("c").slice(0, -1)].join("\n");
    expect(reportsIn(text).map(({ process }) => process)).toEqual(["a", "b"]);
  });
});
