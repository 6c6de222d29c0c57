import type { LoadReply } from "../generator/messages.ts";
import type { OpenScenario, Scenario, ScenarioRun } from "../scenario.ts";
import { cpuPerDelivery, cpuPerDeliveryFrom, cpuPerDeliveryOf } from "../scenario.ts";
import { openLoadScenario } from "./load-scenario.ts";

const CHANNELS = 500;
const PACED_PER_SECOND = 500;
const OUTSTANDING = 16;
const KEPT = 100;
const LIMIT = 1.3;

/** On one nats-server. */
export const historyR1: Scenario = historyPublish(1);

/** On three, each of which has a copy. */
export const historyR3: Scenario = historyPublish(3);

/** Like `unicast`, on channels that keep a history: what it costs to keep what is published before saying so. */
function historyPublish(replicas: 1 | 3): Scenario {
  const servers = replicas === 1 ? "one nats-server" : `${replicas} nats-servers with a copy each`;
  const goal = { contender: "carillon", baseline: "bridge", limit: LIMIT, unit: "" } as const;
  return {
    name: `history-r${replicas}`,
    title:
      `${CHANNELS} channels with a history and one subscriber each, kept on files by ${servers}; publishes over HTTP to a ` +
      `random one: ${OUTSTANDING} outstanding at all times, then ${PACED_PER_SECOND} a second.`,
    contenders: ["bridge", "carillon"],
    history: { messages: KEPT, replicas },
    metrics: [
      { key: "allUs", title: "CPU µs per publish, all processes", digits: 1 },
      { key: "publisherUs", title: "publisher", digits: 1 },
      { key: "natsUs", title: replicas === 1 ? "nats-server" : "nats-servers", digits: 1 },
      { key: "gatewayUs", title: "gateway", digits: 1 },
      { key: "perSecond", title: "publishes/s", digits: 0 },
      { key: "pacedAllUs", title: "paced: CPU µs, all", digits: 0 },
      { key: "answerP50Ms", title: "paced: answer p50 ms", digits: 2 },
      { key: "answerP99Ms", title: "paced: answer p99 ms", digits: 2 },
      { key: "deliveryP50Ms", title: "paced: delivery p50 ms", digits: 2 },
      { key: "deliveryP99Ms", title: "paced: delivery p99 ms", digits: 2 },
    ],
    goals: [
      { ...goal, title: `CPU of all processes per kept publish, R${replicas}`, metric: "allUs" },
      { ...goal, title: `time until a kept publish is answered, p50, R${replicas}`, metric: "answerP50Ms" },
    ],
    parts: 3,
    open,
  };
}

function open(run: ScenarioRun): Promise<OpenScenario> {
  return openLoadScenario(run, { subscribers: CHANNELS, channels: "own" }, async (load) => {
    const closed = await load({ kind: "closed-loop", outstanding: OUTSTANDING }, 2_000);
    const paced = await load({ kind: "paced", perSecond: PACED_PER_SECOND }, 2_000);
    const problems = [
      ...closed.problems.map((problem) => `outstanding: ${problem}`),
      ...paced.problems.map((problem) => `paced: ${problem}`),
    ];
    return { values: valuesOf(closed, paced), problems };
  });
}

// Each publish is delivered once, so what is counted for each delivery is for each publish.
function valuesOf(closed: LoadReply, paced: LoadReply): Record<string, number> {
  return {
    ...cpuPerDelivery(closed),
    publisherUs: cpuPerDeliveryOf(1, closed),
    natsUs: cpuPerDeliveryFrom(2, closed),
    perSecond: closed.delivered / closed.seconds,
    pacedAllUs: cpuPerDelivery(paced).allUs,
    answerP50Ms: paced.answerP50Ms,
    answerP99Ms: paced.answerP99Ms,
    deliveryP50Ms: paced.latencyP50Ms,
    deliveryP99Ms: paced.latencyP99Ms,
  };
}
