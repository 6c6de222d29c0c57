import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { eventually } from "@carillon/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cluster } from "../cluster.ts";
import { APP, Release } from "../release.ts";
import { REPOSITORY, sandboxFolder } from "../sandbox.ts";
import { ClientHost, sourceAddress } from "../traffic/client-host.ts";

const CLIENTS = Number(process.env["CARILLON_KUBE_CLIENTS"] ?? 600);
const GATEWAYS = 3;
/** Threads of k6, each with an address of its own: by these Envoy chooses gateways. */
const THREADS = 30;
/** Longer than a rolling update takes: a delay of 5 seconds, a spread of 20, and the new gateways' start. */
const DURATION = "120s";

const K6 = execFileSync("node", [`${REPOSITORY}/packages/testkit/tools/ensure-k6.mjs`], { encoding: "utf8" }).trim();

let cluster: Cluster;
let release: Release;
let host: ClientHost;
const settings: Record<string, string | number> = {
  "gateway.replicas": GATEWAYS,
  "config.channels[0].match": "load-kept-*",
  "config.channels[0].history.messages": 1000,
  "config.channels[0].history.maxAge": "10m",
};

beforeAll(async () => {
  cluster = await Cluster.start();
  release = await Release.prepare(cluster);
  await release.apply(settings);
  host = await ClientHost.start(cluster.network);
});

afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

interface KitReport {
  readonly verdict: { readonly objectives: readonly { readonly title: string; readonly isMet: boolean }[] };
}

test("the load test's rolling-update passes, while all gateways are rolled", async () => {
  const report = `${sandboxFolder()}/load-rolling-update`;
  const addresses = `${sourceAddress(1)}-${sourceAddress(THREADS + 1)}`;
  const script = `${REPOSITORY}/loadtest/k6/rolling-update.ts`;
  const running = host.run([K6, "run", "--quiet", "--no-usage-report", "--local-ips", addresses, script], {
    URL: release
      .fronts()
      .map((front) => `ws://${front}`)
      .join(","),
    PUBLISH_URL: release.publishUrl,
    KEY: APP.key,
    PUBLISH_SECRET: APP.publishSecret,
    N: String(CLIENTS),
    VUS: String(THREADS),
    DURATION,
    HISTORY: "yes",
    REPORT: `${report}.json`,
    // Everything runs on this one machine, so times say little: losses, repeats and who came back are judged.
    ...{ SLO_CONNECT_P99: "0", SLO_P50: "0", SLO_P95: "0", SLO_P99: "0", SLO_UNICAST_P99: "0", SLO_RECONNECT: "30000" },
  });
  await eventually(
    async () => {
      const connections = [...(await release.connections()).values()].reduce((sum, each) => sum + each, 0);
      expect(connections).toBeGreaterThanOrEqual(CLIENTS);
    },
    { timeoutMs: 120_000, intervalMs: 500 },
  );
  const before = (await release.pods("gateway")).map(({ metadata }) => metadata.name);
  await release.apply({ ...settings, "config.gateway.idleTimeoutSeconds": 90 });
  const after = (await release.pods("gateway")).map(({ metadata }) => metadata.name);
  expect(after.filter((name) => before.includes(name))).toEqual([]);
  const { code, output } = await running;
  process.stdout.write(output);
  const { verdict } = JSON.parse(await readFile(`${report}.json`, "utf8")) as KitReport;
  expect(verdict.objectives.filter(({ isMet }) => !isMet)).toEqual([]);
  expect(code).toBe(0);
});
