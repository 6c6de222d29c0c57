import { createNodeCounters } from "@carillon/core";
import { createMetricsRegistry } from "@carillon/service";
import { expect, it } from "vitest";
import { addOverloadMetrics } from "../src/gateway-load.ts";

it("overload › each reason has a line from the start, 1 only for the one that holds now", async () => {
  const counters = createNodeCounters();
  const metrics = createMetricsRegistry({ counters, role: "gateway", includesProcessMetrics: false });
  const gateway: Parameters<typeof addOverloadMetrics>[1] = {
    get overload() {
      return overload;
    },
  };
  let overload: typeof gateway.overload = null;
  addOverloadMetrics(metrics, gateway);
  const shown = async () => {
    const lines = (await metrics.render()).split("\n").filter((line) => line.startsWith("carillon_overloaded{"));
    return Object.fromEntries(
      lines.map((line) => [/reason="(\w+)"/.exec(line)?.[1], Number(line.slice(line.lastIndexOf(" ")))]),
    );
  };
  expect(await shown()).toEqual({ files: 0, memory: 0, lag: 0 });
  overload = { reason: "memory", isOutOfService: true };
  expect(await shown()).toEqual({ files: 0, memory: 1, lag: 0 });
  overload = { reason: "lag", isOutOfService: false };
  expect(await shown()).toEqual({ files: 0, memory: 0, lag: 1 });
});
