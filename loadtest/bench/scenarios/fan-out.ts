import type { LoadShape } from "../generator/messages.ts";
import type { Metric, OpenScenario, Scenario, ScenarioRun } from "../scenario.ts";
import { cpuPerDelivery } from "../scenario.ts";
import { openLoadScenario } from "./load-scenario.ts";

const SUBSCRIBERS = 2_000;
const BUSY_SUBSCRIBERS = 200;
const BUSY_PER_SECOND = 400;
const PARTS = 3;

const METRICS: readonly Metric[] = [
  { key: "gatewayUs", title: "gateway CPU µs per delivery", digits: 2 },
  { key: "allUs", title: "all processes", digits: 2 },
  { key: "perSecond", title: "deliveries/s", digits: 0 },
  { key: "perRead", title: "deliveries per client read", digits: 1 },
  { key: "p50Ms", title: "p50 ms", digits: 1 },
  { key: "p99Ms", title: "p99 ms", digits: 1 },
];

interface FanOutLoad {
  readonly shape: LoadShape;
  readonly measureMs: number;
  readonly subscribers?: number;
}

function openFanOut(
  run: ScenarioRun,
  { shape, measureMs, subscribers = SUBSCRIBERS }: FanOutLoad,
): Promise<OpenScenario> {
  return openLoadScenario(run, { subscribers, channels: "shared" }, async (load) => {
    const reply = await load(shape, measureMs);
    const values = {
      ...cpuPerDelivery(reply, run.contender.workerPids.length),
      perSecond: reply.delivered / reply.seconds,
      perRead: reply.deliveriesPerRead,
      lost: reply.expected - reply.delivered,
      p50Ms: reply.latencyP50Ms,
      p99Ms: reply.latencyP99Ms,
    };
    return { values, problems: reply.problems };
  });
}

function openSaturated(run: ScenarioRun): Promise<OpenScenario> {
  return openFanOut(run, { shape: { kind: "closed-loop", outstanding: 16 }, measureMs: 2_000 });
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
  open: (run) => openFanOut(run, { shape: { kind: "paced", perSecond: 10 }, measureMs: 3_000 }),
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
  open: (run) => openFanOut(run, { shape: { kind: "paced", perSecond: 10 }, measureMs: 3_000 }),
};

/** Events follow on each other within the coalescing window, and the loop is far from busy, so nothing comes together by itself. */
export const busy: Scenario = {
  name: "busy",
  title: `One channel with ${BUSY_SUBSCRIBERS} subscribers, ${BUSY_PER_SECOND} publishes a second.`,
  contenders: ["bare", "bridge", "carillon"],
  metrics: METRICS,
  goals: [
    {
      title: "gateway CPU per delivery on a busy channel",
      metric: "gatewayUs",
      contender: "carillon",
      baseline: "bare",
      limit: 0.75,
      unit: "",
    },
  ],
  parts: PARTS,
  open: (run) =>
    openFanOut(run, {
      shape: { kind: "paced", perSecond: BUSY_PER_SECOND },
      measureMs: 3_000,
      subscribers: BUSY_SUBSCRIBERS,
    }),
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
    {
      title: "the same, next to one process without a bus",
      metric: "gatewayUs",
      contender: "carillon",
      baseline: "bare",
      limit: 1.1,
      unit: "",
    },
  ],
  parts: PARTS,
  open: openSaturated,
};

/** What a second process of the gateway costs, and what it brings where there is a core for it. */
export const workers: Scenario = {
  name: "workers",
  title: `As saturated: one gateway process, and \`--workers 2\`, whose CPU is that of all its processes.`,
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
  parts: PARTS,
  open: openSaturated,
};
