import type { LoadShape } from "../generator/messages.ts";
import type { Metric, OpenScenario, Scenario, ScenarioRun } from "../scenario.ts";
import { cpuPerDelivery } from "../scenario.ts";
import { openLoadScenario } from "./load-scenario.ts";

const SUBSCRIBERS = 2_000;
const PARTS = 3;

const METRICS: readonly Metric[] = [
  { key: "gatewayUs", title: "gateway CPU µs per delivery", digits: 2 },
  { key: "allUs", title: "all processes", digits: 2 },
  { key: "perSecond", title: "deliveries/s", digits: 0 },
  { key: "perRead", title: "deliveries per client read", digits: 1 },
  { key: "p50Ms", title: "p50 ms", digits: 1 },
  { key: "p99Ms", title: "p99 ms", digits: 1 },
];

function openFanOut(run: ScenarioRun, shape: LoadShape, measureMs: number): Promise<OpenScenario> {
  return openLoadScenario(run, { subscribers: SUBSCRIBERS, channels: "shared" }, async (load) => {
    const reply = await load(shape, measureMs);
    const values = {
      ...cpuPerDelivery(reply),
      perSecond: reply.delivered / reply.seconds,
      perRead: reply.deliveriesPerRead,
      lost: reply.expected - reply.delivered,
      p50Ms: reply.latencyP50Ms,
      p99Ms: reply.latencyP99Ms,
    };
    return { values, problems: reply.problems };
  });
}

/** Nothing to put together: the floor is one write to a socket for each delivery. */
export const paced: Scenario = {
  name: "paced",
  title: `One channel with ${SUBSCRIBERS} subscribers, 10 publishes a second.`,
  contenders: ["bare", "bridge", "carillon"],
  metrics: METRICS,
  goals: [
    {
      title: "gateway CPU per delivery, paced",
      metric: "gatewayUs",
      contender: "carillon",
      baseline: "bare",
      limit: 1.15,
      unit: "",
    },
  ],
  parts: PARTS,
  open: (run) => openFanOut(run, { kind: "paced", perSecond: 10 }, 3_000),
};

/** The same for Pusher clients, whose frames are made of a payload as an escaped string. */
export const pusher: Scenario = {
  name: "pusher",
  title: `One channel with ${SUBSCRIBERS} subscribers that speak the Pusher protocol, 10 publishes a second.`,
  contenders: ["bare", "carillon"],
  dialect: "pusher",
  metrics: METRICS,
  goals: [
    {
      title: "gateway CPU per delivery to Pusher clients, paced",
      metric: "gatewayUs",
      contender: "carillon",
      baseline: "bare",
      limit: 1.2,
      unit: "",
    },
  ],
  parts: PARTS,
  open: (run) => openFanOut(run, { kind: "paced", perSecond: 10 }, 3_000),
};

/** As much as goes through: publishes fall together, and whoever puts their frames into one write does far less. */
export const saturated: Scenario = {
  name: "saturated",
  title: `One channel with ${SUBSCRIBERS} subscribers, 16 publishes outstanding at all times.`,
  contenders: ["bare", "bridge", "carillon"],
  metrics: METRICS,
  goals: [
    {
      title: "gateway CPU per delivery, saturated",
      metric: "gatewayUs",
      contender: "carillon",
      baseline: "bridge",
      limit: 1.25,
      unit: "",
    },
  ],
  parts: PARTS,
  open: (run) => openFanOut(run, { kind: "closed-loop", outstanding: 16 }, 2_000),
};
