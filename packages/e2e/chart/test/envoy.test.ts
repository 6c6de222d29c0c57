import { describe, expect, test } from "vitest";
import { CarillonProcess } from "../../test/support/carillon-process.ts";
import { carillon } from "../../test/support/run.ts";
import { renderWith, valuesFiles } from "./support/chart.ts";
import { RunningEnvoy, validate } from "./support/envoy.ts";

const FILES = (await valuesFiles()).filter((file) => !/cloud|cilium|routes/.test(file));

describe("the real Envoy takes the chart's configuration without a warning", () => {
  test.each(FILES.map((file) => ({ file, name: file.slice(file.lastIndexOf("/") + 1) })))("$name", async ({ file }) => {
    const chart = await renderWith({ files: [file] });
    const outcome = await validate(chart, file.includes("extras") ? "realtime-envoy" : "carillon-envoy");
    expect(outcome).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/deprecated|warning|error/i) });
  });

  test("what checks it finds what is wrong", async () => {
    const chart = await renderWith({ files: FILES.slice(0, 1) });
    const broken = { file: () => chart.file("carillon-envoy", "envoy.yaml").replace("lb_policy", "lb_polcy") };
    expect((await validate(broken, "carillon-envoy")).code).not.toBe(0);
  });
});

describe("a client gets through the chart's Envoy to a gateway that its health checks found", () => {
  test.each([
    ["tcp", {}],
    ["http", { mode: "http" }],
    ["tls", { tls: { existingSecret: "certificate" } }],
    ["http and tls", { mode: "http", tls: { existingSecret: "certificate" } }],
  ])("%s", async (name, envoy) => {
    await using dev = await CarillonProcess.start("dev");
    const chart = await renderWith({ files: FILES.slice(-1), values: [{ loadBalancer: { envoy } }] });
    await using running = await RunningEnvoy.start(chart, { gateway: dev.url, admin: dev.adminUrl });
    const scheme = name.includes("tls") ? "wss" : "ws";
    const url = `${scheme}://127.0.0.1:${running.clientPort}/ws`;
    const outcome = await carillon(["check", "--url", url, "--publish-url", dev.url, "--insecure"]);
    expect(outcome).toMatchObject({ code: 0 });
    // What probes ask, and nothing else of its administration.
    expect((await fetch(`${running.statusUrl}/ready`)).status).toBe(200);
    expect((await fetch(`${running.statusUrl}/stats/prometheus`)).status).toBe(200);
    expect((await fetch(`${running.statusUrl}/quitquitquit`, { method: "POST" })).status).toBe(404);
  });
});
