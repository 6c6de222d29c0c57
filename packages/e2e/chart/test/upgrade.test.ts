import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { previousChart } from "../previous-chart.ts";
import { CHART, ENOUGH, renderWith } from "./support/chart.ts";
import { at } from "./support/kubernetes-object.ts";
import type { RenderedChart } from "./support/rendered-chart.ts";

const { file: PREVIOUS, version } = previousChart();

/** What Kubernetes lets nobody change: an upgrade that tries fails. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  Deployment: ["spec.selector"],
  StatefulSet: ["spec.selector", "spec.serviceName", "spec.volumeClaimTemplates", "spec.podManagementPolicy"],
  Service: ["spec.clusterIP"],
};

const WITH_NATS = { nats: { servers: [], builtIn: { enabled: true, persistence: { enabled: true } } } };

const fixedOf = (chart: RenderedChart) =>
  new Map(
    chart.objects.flatMap(({ kind, metadata: { name } }) =>
      (FIXED[kind] ?? []).map((path) => [`${kind}/${name} ${path}`, at(chart.get(kind, name), path)] as const),
    ),
  );

test("this chart has a later version than the one that users upgrade from", async () => {
  const { version: current } = parse(await readFile(join(CHART, "Chart.yaml"), "utf8")) as { readonly version: string };
  expect(current.localeCompare(version, "en", { numeric: true })).toBe(1);
});

test("what can't be changed of an object isn't, where both charts have it", async () => {
  const values = [ENOUGH, WITH_NATS];
  const [before, after] = await Promise.all([renderWith({ chart: PREVIOUS, values }), renderWith({ values })]);
  const fixed = fixedOf(after);
  const kept = [...fixedOf(before)].filter(([name]) => fixed.has(name));
  expect(kept.length).toBeGreaterThan(4);
  for (const [name, value] of kept) expect([name, fixed.get(name)]).toEqual([name, value]);
});
