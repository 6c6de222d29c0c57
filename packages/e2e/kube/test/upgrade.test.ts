import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { previousChart } from "../../chart/previous-chart.ts";
import { Cluster } from "../cluster.ts";
import { Release } from "../release.ts";
import { REPOSITORY, sandboxFolder } from "../sandbox.ts";
import { quoted } from "../shell.ts";

const { file: PREVIOUS, version } = previousChart();
const CURRENT = `${REPOSITORY}/helm/carillon`;
const WAIT = "--wait --timeout 300s";

/** What a user of the chart before has written down, with short times. */
const VALUES = {
  config: { apps: [{ id: "1001", key: "app-key", secrets: ["an-app-secret"] }] },
  nats: { builtIn: { enabled: true } },
  gateway: { replicas: 2, drain: { delaySeconds: 5, spreadSeconds: 5 } },
  loadBalancer: { envoy: { drainSeconds: 5 } },
};

let cluster: Cluster;
let release: Release;
let values = "";

beforeAll(async () => {
  cluster = await Cluster.start();
  release = await Release.prepare(cluster);
  values = `--values ${quoted(`${sandboxFolder()}/previous-values.json`)}`;
  await writeFile(`${sandboxFolder()}/previous-values.json`, JSON.stringify(VALUES));
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

async function expectToWork(chart: RegExp): Promise<void> {
  await release.becomesWhole();
  expect(await release.helm("list --output json")).toMatch(chart);
  expect(await release.helm("test carillon --timeout 120s")).toContain("Phase:          Succeeded");
}

test(`installed from the chart before (${version})`, async () => {
  await release.helm(`install carillon ${quoted(PREVIOUS)} ${values} ${WAIT}`);
  await expectToWork(new RegExp(`carillon-${version.replaceAll(".", "\\.")}`));
});

test("it is upgraded to this one with the same values", async () => {
  await release.helm(`upgrade carillon ${quoted(CURRENT)} ${values} ${WAIT}`);
  await expectToWork(new RegExp(`carillon-(?!${version.replaceAll(".", "\\.")})`));
});

test("and rolled back", async () => {
  await release.helm(`rollback carillon 1 ${WAIT}`);
  await expectToWork(new RegExp(`carillon-${version.replaceAll(".", "\\.")}`));
});

test("uninstalled, it leaves nothing", async () => {
  await release.helm("uninstall carillon --wait --timeout 180s");
  await release.becomesNothing();
});

test("nothing went wrong unnoticed", () => {
  expect(cluster.agent.failures).toEqual([]);
});
