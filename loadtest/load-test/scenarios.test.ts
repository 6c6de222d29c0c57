import { describe, expect, test } from "vitest";
import { SCENARIO_NAMES } from "../k6/lib/phases.ts";
import { runLoad } from "./run-load.ts";

describe("each scenario, on gateways of its own and over two processes of k6", () => {
  test.each(SCENARIO_NAMES)("%s passes, and has measured something", async (scenario) => {
    // A rolling update takes its time: each of three gateways drains for two seconds.
    const more = scenario === "rolling-update" ? { DURATION: "20" } : {};
    const { exitCode, report, output } = await runLoad({ SCENARIO: scenario, PROCESSES: "2", CHURN: "0.1", ...more });
    expect(exitCode, output).toBe(0);
    const { counts } = report?.results ?? {};
    expect(counts).toMatchObject({
      clients: 40,
      subscribed: 40,
      finished: 40,
      lost: 0,
      duplicates: 0,
      not_recovered: 0,
    });
    if (scenario !== "connect") expect(counts?.deliveries).toBeGreaterThan(0);
    // By their sessions, and half of them by their positions: those of `breaks` and all of the storm.
    if (scenario === "sse") expect(counts?.recovered).toBeGreaterThan(40);
    if (scenario === "rolling-update") expect(counts?.recovered).toBeGreaterThan(0);
  });
});
