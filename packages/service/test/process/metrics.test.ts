import { createNodeCounters } from "@carillon/core";
import { describe, expect, test } from "vitest";
import { createMetricsRegistry, type MetricsRegistryOptions } from "../../src/process/metrics-registry.ts";

function registry(options: Partial<MetricsRegistryOptions> = {}) {
  const counters = createNodeCounters();
  return {
    counters,
    metrics: createMetricsRegistry({ counters, role: "gateway", includesProcessMetrics: false, ...options }),
  };
}

/** The samples of one metric: their labels and values as they stand. */
function samples(text: string, name: string): string[] {
  return text.split("\n").filter((line) => line.startsWith(`${name}{`));
}

const allGauges = {
  connections: () => new Map([["websocket", 1]]),
  channels: () => 2,
  subscriptions: () => 3,
  isBusConnected: () => true,
  isHistoryAvailable: () => false,
  isDraining: () => false,
};

describe("metrics", () => {
  test("each count of a node is shown, as it is when asked", async () => {
    const { counters, metrics } = registry();
    const counted = Object.entries(counters).filter(([, value]) => typeof value === "number");
    for (const [index, [key]] of counted.entries()) Object.assign(counters, { [key]: 1000 + index });
    const text = await metrics.render();
    for (const index of counted.keys()) expect(text).toContain(`_total{role="gateway"} ${1000 + index}\n`);

    counters.deliveries = 7;
    expect(samples(await metrics.render(), "carillon_deliveries_total")).toEqual([
      'carillon_deliveries_total{role="gateway"} 7',
    ]);
  });

  test("counts by key become labels", async () => {
    const { counters, metrics } = registry();
    counters.upgradesRefused.set("capacity", 2);
    counters.refusals.set("rate_limited", 3);
    const text = await metrics.render();
    expect(text).toContain('carillon_upgrades_refused_total{reason="capacity",role="gateway"} 2\n');
    expect(text).toContain('carillon_refusals_total{code="rate_limited",role="gateway"} 3\n');
  });

  test("reasons and codes that alerts and dashboards ask for are there before the first of them: a rate misses what a counter is born with", async () => {
    const { counters, metrics } = registry();
    const before = await metrics.render();
    for (const reason of ["draining", "capacity", "files", "memory", "lag", "blocks", "path"])
      expect(before).toContain(`carillon_upgrades_refused_total{reason="${reason}",role="gateway"} 0\n`);
    for (const reason of ["shutdown", "rebalance", "proxy"])
      expect(before).toContain(`carillon_connections_drained_total{reason="${reason}",role="gateway"} 0\n`);
    for (const code of [1006, 4200, 4202, 4203])
      expect(before).toContain(`carillon_connections_closed_total{code="${code}",role="gateway"} 0\n`);
    counters.connectionsDrained.set("shutdown", 2);
    const after = samples(await metrics.render(), "carillon_connections_drained_total");
    expect(after).toContain('carillon_connections_drained_total{reason="shutdown",role="gateway"} 2');
  });

  test("close codes that clients made up share one label, so that nobody can flood the metrics", async () => {
    const { counters, metrics } = registry();
    for (let code = 1000; code < 5000; code += 1) counters.connectionsClosed.set(code, 1);
    const lines = samples(await metrics.render(), "carillon_connections_closed_total");
    expect(lines.length).toBeLessThan(40);
    expect(lines).toContain('carillon_connections_closed_total{code="1006",role="gateway"} 1');
    expect(lines).toContain('carillon_connections_closed_total{code="4200",role="gateway"} 1');
    const total = lines.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0);
    expect(total).toBe(4000);
  });

  test("gauges are read when asked", async () => {
    let connections = 1;
    const { metrics } = registry({
      gauges: { ...allGauges, connections: () => new Map([["websocket", connections]]) },
    });
    connections = 5;
    const text = await metrics.render();
    expect(text).toContain('carillon_connections{transport="websocket",role="gateway"} 5\n');
    expect(text).toContain('carillon_bus_connected{role="gateway"} 1\n');
    expect(text).toContain('carillon_history_available{role="gateway"} 0\n');
    expect(text).toContain('carillon_draining{role="gateway"} 0\n');
  });

  test("gauges that a process doesn't have aren't shown", async () => {
    const text = await registry({ gauges: { isDraining: () => false } }).metrics.render();
    expect(text).not.toContain("carillon_connections{");
  });

  test("a gauge of one's own is shown, unless its name is taken or not fit", async () => {
    const { metrics } = registry({ gauges: allGauges });
    metrics.gauge({ name: "lingering_channels", help: "Channels that are about to be released.", read: () => 4 });
    expect(await metrics.render()).toContain('carillon_lingering_channels{role="gateway"} 4\n');
    for (const name of ["connections", "things_total", "camelCase", "two__underscores", "1st", ""]) {
      expect(() => metrics.gauge({ name, help: "x", read: () => 0 })).toThrow();
    }
  });

  test("every metric keeps the naming rules of Prometheus", async () => {
    const { metrics } = registry({ gauges: allGauges, includesProcessMetrics: true });
    const text = await metrics.render();
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({ name: String(name), type }));
    expect(types.length).toBeGreaterThan(30);
    for (const { name, type } of types) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(name).not.toMatch(/_(ms|milliseconds|kb|kilobytes|percent)(_total)?$/);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
      expect(text).toMatch(new RegExp(`^# HELP ${name} \\S.+$`, "m"));
    }
  });

  test("a process's own metrics come with what the file limit and the event loop do", async () => {
    const text = await registry({ includesProcessMetrics: true }).metrics.render();
    for (const name of ["nodejs_eventloop_lag_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes"]) {
      expect(samples(text, name)).toHaveLength(1);
    }
    if (process.platform === "linux") expect(samples(text, "process_max_fds")).toHaveLength(1);
  });
});
