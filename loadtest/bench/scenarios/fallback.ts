import type { Metric, Scenario } from "../scenario.ts";
import { cpuPerDelivery } from "../scenario.ts";
import { openLoadScenario } from "./load-scenario.ts";

const SUBSCRIBERS = 1_000;
const PER_SECOND = 5;
const MEASURE_MS = 3_000;

const METRICS: readonly Metric[] = [
  { key: "gatewayUs", title: "gateway CPU µs per delivery", digits: 2 },
  { key: "allUs", title: "all processes", digits: 2 },
  { key: "p50Ms", title: "p50 ms", digits: 1 },
  { key: "p99Ms", title: "p99 ms", digits: 1 },
];

/** What clients cost that WebSockets don't reach: a stream about as much as a WebSocket, a poll a whole request for each delivery. */
export const fallback: Scenario = {
  name: "fallback",
  title: `One channel with ${SUBSCRIBERS} subscribers, ${PER_SECOND} publishes a second: over WebSockets, event streams, and polls.`,
  contenders: ["carillon", "carillon-sse", "carillon-poll"],
  metrics: METRICS,
  goals: [
    {
      title: "gateway CPU per delivery, event streams",
      metric: "gatewayUs",
      contender: "carillon-sse",
      baseline: "carillon",
      limit: 2,
      unit: "",
    },
    {
      title: "gateway CPU per delivery, polls",
      metric: "gatewayUs",
      contender: "carillon-poll",
      baseline: "carillon",
      limit: 6,
      unit: "",
    },
  ],
  parts: 3,
  open: (run) =>
    openLoadScenario(run, { subscribers: SUBSCRIBERS, channels: "shared" }, async (load) => {
      const reply = await load({ kind: "paced", perSecond: PER_SECOND }, MEASURE_MS);
      const values = { ...cpuPerDelivery(reply), p50Ms: reply.latencyP50Ms, p99Ms: reply.latencyP99Ms };
      return { values, problems: reply.problems };
    }),
};
