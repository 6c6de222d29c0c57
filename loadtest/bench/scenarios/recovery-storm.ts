import { setTimeout as delay } from "node:timers/promises";
import type { RunningContender } from "../contender.ts";
import { Disposal } from "../disposal.ts";
import type { ComeBackReply, FollowerReport } from "../generator/messages.ts";
import { GeneratorProcess } from "../generator-process.ts";
import { Histogram } from "../histogram.ts";
import { metricOfGateways } from "../metrics.ts";
import type { Measurement, Scenario, ScenarioRun } from "../scenario.ts";
import { inOnePart, missingSubscribers } from "../scenario.ts";
import { problemsOfStorm } from "../storm-verdict.ts";

const CLIENTS = 10_000;
const GATEWAYS = 2;
const GENERATORS = 2;
const PARALLEL = 100;
const PER_SECOND = 100;
const RETURN_MS = 5_000;
const BEFORE_MS = 2_000;
const AFTER_MS = 3_000;
/** What a rule may ask for at most: ten seconds of the channel. */
const KEPT = 1_000;

/** The log serves most, and those behind it who come within two seconds share a read: a few, and not one for each client. */
const MAX_READS = 20;

/** All clients of a busy channel lose their connections at once, and come back with their positions. */
export const recoveryStorm: Scenario = {
  name: "recovery-storm",
  title:
    `${CLIENTS} clients (a fifth with --quick) of one channel with a history and ${PER_SECOND} events a second, on ${GATEWAYS} gateways, are dropped ` +
    `at once and come back with their positions within ${RETURN_MS / 1000} s, each to any of the gateways.`,
  contenders: ["carillon"],
  history: { messages: KEPT, replicas: 1 },
  gateways: GATEWAYS,
  metrics: [
    { key: "incomplete", title: "clients without every event, once, in order", digits: 0 },
    { key: "seconds", title: "seconds until the last is back", digits: 2 },
    { key: "reads", title: "reads of the store, both gateways", digits: 0 },
    { key: "liveP50Ms", title: "published after the return: p50 ms", digits: 0 },
    { key: "liveP99Ms", title: "p99 ms", digits: 0 },
    { key: "liveMaxMs", title: "max ms", digits: 0 },
    { key: "allP50Ms", title: "all after the return, missed ones too: p50 ms", digits: 0 },
    { key: "allP99Ms", title: "p99 ms", digits: 0 },
    { key: "allMaxMs", title: "max ms", digits: 0 },
    { key: "perSecond", title: "events/s published", digits: 0 },
    { key: "deliveries", title: "deliveries after the return", digits: 0 },
    { key: "lagMs", title: "longest block of a gateway's loop, ms", digits: 0 },
  ],
  goals: [
    {
      title: `of ${CLIENTS} clients that come back, those without every event, once, in order`,
      metric: "incomplete",
      contender: "carillon",
      baseline: null,
      limit: 0,
      unit: "",
      holdsInEachRound: true,
    },
  ],
  ...inOnePart(measure),
};

const READS = "carillon_history_reads_total";
// The longest since it was read last.
const LAG = "nodejs_eventloop_lag_max_seconds";

async function measure({ contender, effort }: ScenarioRun): Promise<Measurement> {
  await using stack = new Disposal();
  const generators = Array.from({ length: GENERATORS }, (_, block) => stack.use(new GeneratorProcess(block)));
  const writer = stack.use(new GeneratorProcess(GENERATORS));
  const clients = Math.round((CLIENTS * effort.size) / GENERATORS) * GENERATORS;
  const connected = await connectAll(generators, contender, clients / GENERATORS);
  await writer.call<"write">({ command: "write", target: contender.target, perSecond: PER_SECOND });
  await delay(BEFORE_MS);

  const readsBefore = await metricOfGateways(contender, READS);
  await metricOfGateways(contender, LAG);
  const returns = await Promise.all(
    generators.map((generator) => generator.call<"come-back">({ command: "come-back", withinMs: RETURN_MS })),
  );
  await delay(AFTER_MS);
  const written = await writer.call<"write-end">({ command: "write-end" });
  const last = written.published;
  const reports = await Promise.all(
    generators.map((generator) => generator.call<"follow-end">({ command: "follow-end", last })),
  );
  const lags = await metricOfGateways(contender, LAG);
  const readsAfter = await metricOfGateways(contender, READS);
  const reads = readsAfter.map((after, gateway) => after - (readsBefore[gateway] ?? 0));
  const { published, refused } = written;
  return {
    values: {
      ...valuesOf(clients, reports, returns),
      reads: reads.reduce((sum, each) => sum + each, 0),
      perSecond: published / written.seconds,
      lagMs: Math.max(...lags) * 1000,
    },
    problems: [
      ...missingSubscribers(connected, clients),
      ...problemsOfStorm({ clients, published, refused, reports, reads, maxReads: MAX_READS }),
    ],
  };
}

async function connectAll(
  generators: readonly GeneratorProcess[],
  { gateways, target }: RunningContender,
  clients: number,
): Promise<number> {
  const socketPorts = gateways.map(({ socketPort }) => socketPort);
  const { socketPath } = target;
  const replies = await Promise.all(
    generators.map((generator) =>
      generator.call<"follow">({ command: "follow", socketPorts, socketPath, clients, parallel: PARALLEL }),
    ),
  );
  return replies.reduce((sum, { ready }) => sum + ready, 0);
}

function valuesOf(clients: number, reports: readonly FollowerReport[], returns: readonly ComeBackReply[]) {
  const [all, live] = [new Histogram(), new Histogram()];
  for (const report of reports) {
    all.merge(report.all);
    live.merge(report.live);
  }
  return {
    incomplete: clients - reports.reduce((sum, { complete }) => sum + complete, 0),
    seconds: Math.max(...returns.map(({ seconds }) => seconds)),
    liveP50Ms: live.percentile(0.5),
    liveP99Ms: live.percentile(0.99),
    liveMaxMs: live.percentile(1),
    allP50Ms: all.percentile(0.5),
    allP99Ms: all.percentile(0.99),
    allMaxMs: all.percentile(1),
    deliveries: all.count,
  };
}
