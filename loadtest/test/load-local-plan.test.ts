import { describe, expect, test } from "vitest";
import { readSettings } from "../k6/lib/settings.ts";
import { collectorSettings } from "../load/collector-settings.ts";
import { planLocally } from "../load/local-plan.ts";

describe("what a machine asks of itself", () => {
  test("is the usual where it has cores enough", () => {
    expect(planLocally(2_000, 2, {})).toEqual({ variables: {}, text: null });
    expect(planLocally(50_000, 32, {})).toMatchObject({ variables: { DURATION: "15" } });
  });

  test("is less where everything shares few cores, and the report says so", () => {
    expect(planLocally(50_000, 2, {})).toEqual({
      variables: { RAMP: "50", RATE: "0.15", DURATION: "20", STORM_SPREAD: "50" },
      text: "Chosen for 50000 clients on 2 cores that run everything: RAMP=50 RATE=0.15 DURATION=20 STORM_SPREAD=50",
    });
  });

  test("knows that connecting over SSE takes more", () => {
    expect(planLocally(2_000, 2, { SCENARIO: "sse" }).variables).toEqual({ RAMP: "4" });
    expect(planLocally(5_000, 2, { SCENARIO: "sse" }).variables).toMatchObject({ RAMP: "10", STORM_SPREAD: "10" });
  });

  test("leaves alone what was given", () => {
    const given = { RAMP: "5", RATE: "1", STORM_SPREAD: "0" };
    expect(planLocally(50_000, 2, given)).toEqual({ variables: {}, text: null });
    expect(planLocally(50_000, 2, { RAMP: "" }).variables).toHaveProperty("RAMP");
  });

  test("is something that the settings allow", () => {
    const addresses = { URL: "ws://127.0.0.1:1", PUBLISH_URL: "http://127.0.0.1:2", PUBLISH_SECRET: "publish" };
    for (const N of [1, 999, 20_000, 1_000_000]) {
      const { variables } = planLocally(N, 1, {});
      expect(() => readSettings("full", { ...addresses, N: String(N), ...variables })).not.toThrow();
    }
  });
});

describe("Go's collector in processes of k6", () => {
  test("runs seldom, within half of what is free", () => {
    expect(collectorSettings({ processes: 3, availableMib: 12_000, given: {} })).toEqual({
      GOGC: "400",
      GOMEMLIMIT: "2000MiB",
    });
  });

  test("runs as somebody has said", () => {
    const given = { GOGC: "50", GOMEMLIMIT: "1GiB" };
    expect(collectorSettings({ processes: 1, availableMib: 12_000, given })).toEqual(given);
  });
});
