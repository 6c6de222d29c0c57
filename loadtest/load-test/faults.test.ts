import { describe, expect, test } from "vitest";
import type { Fault } from "./faulty-system.ts";
import { FaultySystem } from "./faulty-system.ts";
import { runLoad, runScript } from "./run-load.ts";

async function judged(fault: Fault, more: Readonly<Record<string, string>> = {}) {
  await using system = await FaultySystem.start(fault);
  return await runLoad({ SCENARIO: "broadcast", ...system.variables, ...more });
}

describe("a planted fault is found", () => {
  test("without one, the run passes", async () => {
    const { exitCode, report, html, output } = await judged(() => ({}));
    expect(exitCode, output).toBe(0);
    expect(report?.verdict.outcome).toBe("passed");
    expect(report?.results.counts).toMatchObject({ clients: 40, subscribed: 40, lost: 0, duplicates: 0 });
    expect(report?.results.counts.deliveries).toBe(40 * (report?.results.counts.published ?? 0));
    expect(html).toContain("<svg");
  });

  test("one lost delivery among all", async () => {
    const { exitCode, report, missed } = await judged(({ turn }) => (turn === 57 ? { times: 0 } : {}));
    expect({ exitCode, missed, lost: report?.results.counts.lost }).toEqual({
      exitCode: 1,
      missed: ["publications lost"],
      lost: 1,
    });
  });

  test("the last deliveries of one client, after which nothing comes that would show it", async () => {
    let victim: unknown = null;
    const { exitCode, missed } = await judged(({ turn, socket }) => {
      victim ??= socket;
      return turn > 40 && socket === victim ? { times: 0 } : {};
    });
    expect({ exitCode, missed }).toEqual({ exitCode: 1, missed: ["publications lost"] });
  });

  test("one delivery that comes twice", async () => {
    const { exitCode, report, missed } = await judged(({ turn }) => (turn === 57 ? { times: 2 } : {}));
    expect({ exitCode, missed, duplicates: report?.results.counts.duplicates }).toEqual({
      exitCode: 1,
      missed: ["publications delivered twice"],
      duplicates: 1,
    });
  });

  test("one delivery that isn't what was published", async () => {
    const { exitCode, missed } = await judged(({ turn, text }) =>
      turn === 57 ? { text: text.replace("x.", "x") } : {},
    );
    // What can't be read was not received either.
    expect({ exitCode, missed }).toEqual({
      exitCode: 1,
      missed: ["publications lost", "deliveries that are not what was published"],
    });
  });

  test("slow deliveries, which are lost to nobody", async () => {
    const slow = await judged(() => ({ delayMs: 700 }), { SLO_P50: "600" });
    expect(slow).toMatchObject({ exitCode: 1, missed: ["delivery to all, p50"] });
    expect(slow.report?.results.counts.lost).toBe(0);
  });

  test("publishes that were refused, and one whose connection was cut, each by its reason", async () => {
    const answers: Readonly<Record<number, number | null>> = { 2: 503, 4: null, 6: 429 };
    await using system = await FaultySystem.start(undefined, (publish) => answers[publish]);
    const { exitCode, report, missed } = await runLoad({ SCENARIO: "broadcast", ...system.variables });
    expect({ exitCode, missed }).toEqual({ exitCode: 1, missed: ["publishes refused", "publishes without an answer"] });
    expect(report?.results.counts).toMatchObject({
      publish_5xx: 1,
      publish_429: 1,
      publish_cut_off: 1,
      publish_refused: 2,
      publish_unanswered: 1,
      lost: 0,
    });
  });

  test("slow deliveries are nobody's fault where the generator had no processor to spare; a loss is", async () => {
    // No machine is idle all the time.
    const busy = { SLO_P50: "600", GENERATOR_IDLE: "1" };
    const slow = await judged(() => ({ delayMs: 700 }), busy);
    expect(slow).toMatchObject({ exitCode: 3, missed: ["delivery to all, p50"] });
    const lossy = await judged(({ turn }) => (turn === 57 ? { times: 0 } : { delayMs: 700 }), busy);
    expect(lossy.exitCode).toBe(1);
    expect(lossy.report?.verdict.text).toMatch(/^FAILED: publications lost: 1, .* is judged/);
  });

  test("a connection that breaks", async () => {
    const { exitCode, missed } = await judged(({ turn, socket }) => {
      if (turn === 57) socket.terminate();
      return {};
    });
    expect(exitCode).toBe(1);
    expect(missed).toContain("connections that broke");
  });
});

test("one of two gateways isn't there: who is on the other one is led through the run, and judged", async () => {
  await using system = await FaultySystem.start();
  const { URL: there } = system.variables;
  const { exitCode, report, missed } = await runLoad({
    SCENARIO: "broadcast",
    ...system.variables,
    URL: `ws://127.0.0.1:1,${there}`,
    CONNECT_TIMEOUT: "2",
  });
  expect({ exitCode, first: missed[0] }).toEqual({ exitCode: 1, first: "clients connected and subscribed" });
  const { deliveries, published } = report?.results.counts ?? {};
  expect(published).toBeGreaterThan(0);
  expect(deliveries).toBe(20 * (published ?? 0));
});

test("a wrong secret, by which nobody can be led, is told long before the longest time is over", async () => {
  await using system = await FaultySystem.start();
  const wrong = { ...system.variables, PUBLISH_SECRET: "wrong", CONNECT_TIMEOUT: "20" };
  const { exitCode, report, missed } = await runLoad({ SCENARIO: "full", ...wrong });
  expect(exitCode).toBe(1);
  expect(missed).toContain("publishes refused");
  expect(report?.results.counts).toMatchObject({ subscribed: 40, silent: 40 });
  expect(report?.results.counts.publish_4xx).toBeGreaterThan(0);
});

describe("settings that can't be", () => {
  test("are refused before anything is started, all at once, with code 2", async () => {
    const { exitCode, output } = await runLoad({ SCENARIO: "broadcast", N: "x", RAMP: "soon", PAYLOAD: "1" });
    expect(exitCode).toBe(2);
    expect(output).toContain('N must be a whole number from 1 to 10000000, not "x".');
  });

  test("a k6 that isn't there is told with what to do, and is no verdict on the system", async () => {
    const { exitCode, output } = await runLoad({ SCENARIO: "broadcast", CARILLON_K6: "/nowhere/k6" });
    expect({ exitCode, first: output.split("\n")[0] }).toEqual({
      exitCode: 2,
      first: "CARILLON_K6 does not name an executable.",
    });
  });

  test("a system that isn't there fails the run, which says who never connected", async () => {
    const { exitCode, missed, output } = await runLoad({
      SCENARIO: "broadcast",
      URL: "ws://127.0.0.1:1",
      PUBLISH_URL: "http://127.0.0.1:1",
      PUBLISH_SECRET: "any",
      CONNECT_TIMEOUT: "1",
      DURATION: "1",
    });
    expect(exitCode).toBe(1);
    expect(missed).toContain("clients connected and subscribed");
    expect(output).toMatch(/client \d+ still waits for its next attempt to connect, after: .*connection refused/);
  });
});

describe("a script alone", () => {
  test("passes where few clients are there to be replaced", async () => {
    await using system = await FaultySystem.start();
    const settings = { ...system.variables, N: "5", RAMP: "0", HOLD: "1" };
    expect(await runScript("connect", settings)).toMatchObject({ exitCode: 0, verdict: { outcome: "passed" } });
  });

  test("exits as its verdict says where a time was never measured", async () => {
    await using system = await FaultySystem.start();
    const settings = { ...system.variables, N: "5", RAMP: "0", HOLD: "1", DURATION: "1", UNICAST_RATE: "0.01" };
    const { exitCode, verdict } = await runScript("full", settings);
    expect(verdict.objectives.filter(({ isMet }) => !isMet).map(({ title }) => title)).toEqual([
      "delivery to one, p99",
    ]);
    expect({ exitCode, outcome: verdict.outcome }).toEqual({ exitCode: 99, outcome: "failed" });
  });
});
