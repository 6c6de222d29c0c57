import { AppCounts, createNodeCounters } from "@carillon/core";
import { ConfiguredApps, createMetricsRegistry } from "@carillon/service";
import { testApp } from "@carillon/testkit/gateway";
import { expect, it } from "vitest";
import { addAppMetrics, MAX_APP_LABELS } from "../src/flow-metrics.ts";

function appsUpTo(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    ...testApp(),
    id: `${1000 + index}`,
    key: `key-${index}`,
    publishSecret: `secret-${index}-of-many`,
  }));
}

async function linesOf(render: () => Promise<string>, metric: string): Promise<string[]> {
  return (await render()).split("\n").filter((line) => line.startsWith(`carillon_${metric}{`));
}

it("metrics by app › no more apps than fit have a label, whatever is configured, and none is lost from the sum", async () => {
  const settings = appsUpTo(MAX_APP_LABELS + 50);
  const apps = new ConfiguredApps({ settings });
  const counts = new AppCounts();
  for (const { id } of settings) counts.of(id).eventsPublished += 2;
  const metrics = createMetricsRegistry({
    counters: createNodeCounters(),
    role: "gateway",
    includesProcessMetrics: false,
  });
  const gateway = { connectionsByApp: new Map(settings.map(({ id }) => [id, 1])) };
  addAppMetrics(metrics, { apps: () => apps.all, counts, gateway });
  const lines = await linesOf(() => metrics.render(), "app_events_published_total");
  expect(lines).toHaveLength(MAX_APP_LABELS + 1);
  expect(lines.at(0)).toBe('carillon_app_events_published_total{app="1000",role="gateway"} 2');
  expect(lines.at(-1)).toBe('carillon_app_events_published_total{app="other",role="gateway"} 100');
  expect((await linesOf(() => metrics.render(), "app_connections")).at(-1)).toMatch(/app="other".* 50$/);
});

it("metrics by app › an app without anything is shown with 0; one that left the configuration keeps its label", async () => {
  const [first, second] = appsUpTo(2);
  if (first === undefined || second === undefined) throw new Error("two apps were asked for");
  const apps = new ConfiguredApps({ settings: [first, second] });
  const counts = new AppCounts();
  const metrics = createMetricsRegistry({
    counters: createNodeCounters(),
    role: "publisher",
    includesProcessMetrics: false,
  });
  addAppMetrics(metrics, { apps: () => apps.all, counts, gateway: null });
  counts.of(second.id).eventsPublished = 3;
  const shown = () => linesOf(() => metrics.render(), "app_events_published_total");
  const expected = [
    'carillon_app_events_published_total{app="1000",role="publisher"} 0',
    'carillon_app_events_published_total{app="1001",role="publisher"} 3',
  ];
  expect(await shown()).toEqual(expected);
  apps.reload([first]);
  expect(await shown()).toEqual(expected);
  expect(await linesOf(() => metrics.render(), "app_connections")).toEqual([]);
});
