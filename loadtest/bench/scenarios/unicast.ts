import type { LoadReply } from "../generator/messages.ts";
import type { OpenScenario, Scenario, ScenarioRun } from "../scenario.ts";
import { cpuPerDelivery, cpuPerDeliveryOf } from "../scenario.ts";
import { openLoadScenario } from "./load-scenario.ts";

const CHANNELS = 2_000;
const PACED_PER_SECOND = 2_000;
const OUTSTANDING = 16;

/** One subscriber for each channel, so that everything before the fan-out is what counts. */
export const unicast: Scenario = {
  name: "unicast",
  title:
    `${CHANNELS} channels with one subscriber each, publishes over HTTP to a random one: ${OUTSTANDING} outstanding at all ` +
    `times, then ${PACED_PER_SECOND} a second.`,
  contenders: ["bare", "bridge", "least", "carillon"],
  metrics: [
    { key: "allUs", title: "CPU µs per delivery, all processes", digits: 1 },
    { key: "gatewayUs", title: "gateway", digits: 1 },
    { key: "publisherUs", title: "publisher", digits: 1 },
    { key: "natsUs", title: "nats-server", digits: 1 },
    { key: "perSecond", title: "deliveries/s", digits: 0 },
    { key: "p50Ms", title: "p50 ms", digits: 2 },
    { key: "p99Ms", title: "p99 ms", digits: 2 },
    { key: "pacedAllUs", title: "paced: CPU µs, all", digits: 1 },
    { key: "pacedP50Ms", title: "paced: p50 ms", digits: 2 },
    { key: "pacedP99Ms", title: "paced: p99 ms", digits: 2 },
  ],
  goals: [
    {
      title: "CPU of all processes per delivery, one subscriber per channel",
      metric: "allUs",
      contender: "carillon",
      baseline: "bridge",
      limit: 1.3,
      unit: "",
    },
  ],
  parts: 3,
  open,
};

function open(run: ScenarioRun): Promise<OpenScenario> {
  return openLoadScenario(run, { subscribers: CHANNELS, channels: "own" }, async (load) => {
    const closed = await load({ kind: "closed-loop", outstanding: OUTSTANDING }, 2_000);
    const paced = await load({ kind: "paced", perSecond: PACED_PER_SECOND }, 1_000);
    const problems = [
      ...closed.problems.map((problem) => `outstanding: ${problem}`),
      ...paced.problems.map((problem) => `paced: ${problem}`),
    ];
    return { values: valuesOf(closed, paced), problems };
  });
}

function valuesOf(closed: LoadReply, paced: LoadReply): Record<string, number> {
  return {
    ...cpuPerDelivery(closed),
    publisherUs: cpuPerDeliveryOf(1, closed),
    natsUs: cpuPerDeliveryOf(2, closed),
    lost: closed.expected - closed.delivered + paced.expected - paced.delivered,
    perSecond: closed.delivered / closed.seconds,
    p50Ms: closed.latencyP50Ms,
    p99Ms: closed.latencyP99Ms,
    pacedAllUs: cpuPerDelivery(paced).allUs,
    pacedP50Ms: paced.latencyP50Ms,
    pacedP99Ms: paced.latencyP99Ms,
  };
}
