import type { Metric, Scenario } from "../scenario.ts";
import { cpuPerDeliveryOfAll } from "../scenario.ts";
import { openLoadScenario } from "./load-scenario.ts";

const SUBSCRIBERS = 2_000;

const METRICS: readonly Metric[] = [
  { key: "gatewayUs", title: "gateway CPU µs per delivery, all of its processes", digits: 2 },
  { key: "cores", title: "cores that the gateway uses", digits: 2 },
  { key: "perSecond", title: "deliveries/s", digits: 0 },
  { key: "perRead", title: "deliveries per client read", digits: 1 },
  { key: "p50Ms", title: "p50 ms", digits: 1 },
  { key: "p99Ms", title: "p99 ms", digits: 1 },
];

/** What a second process of the gateway costs, and what it brings where there is a core for it. */
export const workers: Scenario = {
  name: "workers",
  title: `One channel with ${SUBSCRIBERS} subscribers, 16 publishes outstanding at all times; one gateway process, and \`--workers 2\`.`,
  contenders: ["carillon", "carillon-workers"],
  metrics: METRICS,
  goals: [
    {
      title: "gateway CPU per delivery with two workers",
      metric: "gatewayUs",
      contender: "carillon-workers",
      baseline: "carillon",
      limit: 1.3,
      unit: "",
    },
  ],
  parts: 3,
  open: (run) =>
    openLoadScenario(run, { subscribers: SUBSCRIBERS, channels: "shared" }, async (load) => {
      const reply = await load({ kind: "closed-loop", outstanding: 16 }, 2_000);
      const gatewayUs = cpuPerDeliveryOfAll(run.contender, reply);
      const perSecond = reply.delivered / reply.seconds;
      const values = {
        gatewayUs,
        cores: (gatewayUs * perSecond) / 1e6,
        perSecond,
        perRead: reply.deliveriesPerRead,
        lost: reply.expected - reply.delivered,
        p50Ms: reply.latencyP50Ms,
        p99Ms: reply.latencyP99Ms,
      };
      return { values, problems: reply.problems };
    }),
};
