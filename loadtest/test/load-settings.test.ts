import { describe, expect, test } from "vitest";
import { readSettings } from "../k6/lib/settings.ts";
import { readRunnerOptions } from "../load/options.ts";

const RIGHT = { URL: "ws://127.0.0.1:1", PUBLISH_URL: "http://127.0.0.1:2", PUBLISH_SECRET: "publish" };

describe("settings of a load test", () => {
  test("little has to be said", () => {
    const settings = readSettings("broadcast", { ...RIGHT, N: "20000" });
    expect(settings).toMatchObject({
      clients: 20_000,
      virtualUsers: 20,
      rampSeconds: 8,
      rate: 0.5,
      protocol: "native",
    });
    expect(readSettings("pusher", RIGHT).protocol).toBe("pusher");
  });

  test("times have units", () => {
    expect(readSettings("connect", { ...RIGHT, HOLD: "5m", RAMP: "90s", DURATION: "0.5h" })).toMatchObject({
      holdSeconds: 300,
      rampSeconds: 90,
      measureSeconds: 1_800,
    });
  });

  test.each([
    [{ N: "many" }, 'N must be a whole number from 1 to 10000000, not "many".'],
    [{ N: "0" }, "N must be a whole number from 1"],
    [{ RAMP: "soon" }, 'RAMP must be a time from 0 to 86400 seconds, such as 30s or 2m, not "soon".'],
    [{ PAYLOAD: "10" }, "PAYLOAD must be a whole number from 64 to 65536"],
    [{ RATE: "-1" }, "RATE must be a number from 0.001"],
    [{ PROTOCOL: "stomp" }, 'PROTOCOL must be one of native, msgpack, pusher, not "stomp".'],
    [{ SLO_P99: "fast" }, "SLO_P99 must be a number from 0"],
    [{ URL: "" }, "URL is missing: say where the gateways are"],
    [{ URL: "https://example.com" }, "URL must be one address or several with commas between, ws://HOST or wss://HOST"],
    [{ URL: "ws://example.com/ws" }, "without a path"],
    [{ PUBLISH_URL: "" }, "PUBLISH_URL is missing"],
    [{ PUBLISH_URL: "example.com" }, "PUBLISH_URL must be http://HOST or https://HOST"],
    [{ PUBLISH_SECRET: "" }, "PUBLISH_SECRET is missing"],
    [{ RUN: "a b" }, "RUN must be 1 to 16 letters and digits"],
    [{ PROCESSES: "3", VUS: "2" }, "VUS must be 3 or more for PROCESSES=3, not 2: each process needs a thread."],
  ])("%o is refused with a sentence that says what is right", (wrong, sentence) => {
    expect(() => readSettings("broadcast", { ...RIGHT, ...wrong })).toThrow(sentence);
  });

  test("all that is wrong is told at once", () => {
    for (const sentence of ["URL is missing", "N must be", "HOLD must be"])
      expect(() => readSettings("broadcast", { N: "x", HOLD: "y" })).toThrow(sentence);
    expect(() => readSettings("broadcast", { N: "x", HOLD: "y" })).toThrow("PUBLISH_SECRET is missing");
  });

  test("an objective that doesn't exist is refused: it would pass, as nothing judges it", () => {
    expect(() => readSettings("full", { ...RIGHT, SLO_P999: "10" })).toThrow("SLO_P999 is no objective: those are");
  });

  test("scenarios say what they need", () => {
    expect(() => readSettings("mixed", RIGHT)).toThrow("SECRET is missing: mixed signs subscribes");
    expect(() => readSettings("rolling-update", RIGHT)).toThrow("HISTORY=yes");
    expect(() => readSettings("rolling-update", { ...RIGHT, HISTORY: "yes", PROTOCOL: "pusher" })).toThrow(
      "native protocol",
    );
  });
});

describe("options of the runner", () => {
  test("as many processes and gateways as the clients need", () => {
    expect(readRunnerOptions({ N: "50000" })).toMatchObject({ scenario: "full", processes: 3, gateways: 4 });
    expect(readRunnerOptions({ N: "2000", URL: "ws://example.com" })).toMatchObject({ processes: 1, gateways: null });
  });

  test.each([
    [{ SCENARIO: "all" }, "SCENARIO must be one of connect, broadcast"],
    [{ N: "50000", PROCESSES: "2" }, "PROCESSES must be 3 or more for 50000 clients"],
    [{ URL: "ws://example.com", GATEWAYS: "3" }, "GATEWAYS and URL exclude each other"],
    [{ WRITE_DOCS: "1" }, "WRITE_DOCS must be one of yes, no"],
  ])("%o is refused", (wrong, sentence) => {
    expect(() => readRunnerOptions(wrong)).toThrow(sentence);
  });
});
