import { changesThatNeedRestart, loadConfig } from "@carillon/service";
import { describe, expect, it } from "vitest";
import { problemsOf } from "./refusal.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const load = (tracing: unknown, env: Record<string, string> = {}) =>
  loadConfig({ role: "dev", env, settings: { tracing } });

describe("configuration of tracing", () => {
  it("is off", async () => {
    const { tracing } = await load(undefined);
    expect(tracing).toEqual({ enabled: false, endpoint: null, sampleRatio: 0, channelNames: false, headers: {} });
  });

  it("comes from the environment, the headers from a file", async () => {
    await using folder = await TemporaryFolder.create();
    const { tracing } = await load(undefined, {
      CARILLON_TRACING_ENABLED: "true",
      CARILLON_TRACING_ENDPOINT: "https://collector.example:4318/otlp",
      CARILLON_TRACING_SAMPLE_RATIO: "0.25",
      CARILLON_TRACING_CHANNEL_NAMES: "true",
      CARILLON_TRACING_HEADERS_FILE: await folder.write("headers", '{"Authorization":"Bearer x"}\n'),
    });
    expect(tracing).toEqual({
      enabled: true,
      endpoint: "https://collector.example:4318/otlp",
      sampleRatio: 0.25,
      channelNames: true,
      headers: { authorization: "Bearer x" },
    });
  });

  it.each([
    [0, 0],
    [1, 1],
    [0.001, 0.001],
    ["0", 0],
    ["1", 1],
    ["1.0", 1],
    [".5", 0.5],
    ["0.0001", 0.0001],
  ])("takes the ratio %j", async (sampleRatio, wanted) => {
    expect((await load({ sampleRatio })).tracing.sampleRatio).toBe(wanted);
  });

  it.each([-0.1, 1.1, "1.1", "", "50%", "1e-3", "a", true, Number.NaN, {}])(
    "refuses the ratio %j",
    async (sampleRatio) => {
      expect(await problemsOf(load({ sampleRatio }))).toEqual([
        "tracing.sampleRatio: must be a number from 0 to 1, such as 0.01 for one in a hundred",
      ]);
    },
  );

  it.each([
    ["collector:4318", /must be the URL of a collector/],
    ["grpc://collector:4317", /must be the URL of a collector/],
    ["http://user:secret@collector:4318", /must not contain a user name or password/],
    ["http://collector:4318/?key=secret", /must end with its path/],
  ])("refuses the endpoint %s, without repeating it", async (endpoint, words) => {
    const [problem, ...others] = await problemsOf(load({ enabled: true, endpoint }));
    expect(problem).toMatch(words);
    expect(problem).not.toContain("secret");
    expect(others).toEqual([]);
  });

  it("says that an endpoint alone traces nothing", async () => {
    const { warnings } = await load({ endpoint: "http://collector:4318" });
    expect(warnings).toEqual([
      expect.objectContaining({ path: "tracing.endpoint", message: expect.stringContaining("tracing.enabled") }),
    ]);
    expect((await load({ enabled: true, endpoint: "http://collector:4318" })).warnings).toEqual([]);
  });

  it("takes effect with the next start", async () => {
    const [before, after] = [await load({}), await load({ enabled: true, sampleRatio: 0.5 })];
    expect(changesThatNeedRestart(before, after)).toEqual(["tracing.enabled", "tracing.sampleRatio"]);
  });
});
