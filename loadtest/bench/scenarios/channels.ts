import type { ContenderName } from "../contender.ts";
import type { Goal, Measurement, Metric, Scenario, ScenarioRun } from "../scenario.ts";
import { inOnePart } from "../scenario.ts";
import { CHURNED, ChannelLevels, HEARD, LINGER_SECONDS, OUTSTANDING, WAVES } from "./channel-levels.ts";

/** Connections in a full run. */
const CONNECTIONS = 1_000;
/** Channels of each connection, level by level, and how many the gateway then has in a full run. */
const LEVELS = [
  { each: 1, title: "1 k" },
  { each: 10, title: "10 k" },
  { each: 100, title: "100 k" },
] as const;
const [FEW, SOME, MANY] = LEVELS;

/** The most that one of 100,000 channels may cost, where one of 1,000 costs 1. */
const FLAT = 1.3;

/**
 * What a channel costs a gateway by how many there are: nothing that is done for one channel should take longer because there are
 * others.
 */
export const channels: Scenario = {
  name: "channels",
  title:
    `${CONNECTIONS} connections (a fifth with --quick) with 1, then 10, then 100 channels each. With each number, ${CHURNED} further ` +
    `channels are subscribed to and left ${WAVES} times, and events go to ${HEARD} channels, one subscriber each, ${OUTSTANDING} ` +
    "publishes outstanding.",
  contenders: ["carillon", "carillon-partition", "carillon-apps"],
  metrics: [
    ...byLevel("churnUs", "CPU µs per subscribe and unsubscribe"),
    ...byLevel("deliveryUs", "per delivery"),
    ...byLevel("idleMs", "idle, ms a second"),
    { key: "fewKib", title: `KiB per channel, ${FEW.title} to ${SOME.title}`, digits: 2 },
    { key: "manyKib", title: `${SOME.title} to ${MANY.title}`, digits: 2 },
  ],
  goals: [
    ...flat("carillon", "exact interest"),
    ...flat("carillon-partition", "partition interest"),
    ...flat("carillon-apps", "1,000 apps"),
    {
      title: `CPU per subscribe and unsubscribe, 1,000 apps, ${MANY.title} channels`,
      metric: keyOf("churnUs", MANY),
      contender: "carillon-apps",
      baseline: "carillon",
      limit: FLAT,
      unit: "",
    },
  ],
  isInspected: true,
  lingerSeconds: LINGER_SECONDS,
  ...inOnePart(measure),
};

type Level = (typeof LEVELS)[number];

async function measure({ contender, effort }: ScenarioRun): Promise<Measurement> {
  const connections = Math.round(CONNECTIONS * effort.size);
  await using levels = await ChannelLevels.open({ contender, connections, duration: effort.duration });
  const values: Record<string, number> = {};
  const residentKib: number[] = [];
  for (const level of LEVELS) {
    const reached = await levels.reach(level.each);
    for (const key of ["churnUs", "deliveryUs", "idleMs"] as const) values[keyOf(key, level)] = reached[key];
    residentKib.push(reached.residentKib);
  }
  const growth = (key: string) => (values[keyOf(key, MANY)] ?? Number.NaN) / (values[keyOf(key, FEW)] ?? Number.NaN);
  const [fewest = Number.NaN, some = Number.NaN, most = Number.NaN] = residentKib;
  const fewKib = (some - fewest) / (connections * (SOME.each - FEW.each));
  const manyKib = (most - some) / (connections * (MANY.each - SOME.each));
  return {
    values: {
      ...values,
      fewKib,
      manyKib,
      churnGrowth: growth("churnUs"),
      deliveryGrowth: growth("deliveryUs"),
      memoryGrowth: manyKib / fewKib,
    },
    problems: levels.problems,
  };
}

function byLevel(key: string, title: string): Metric[] {
  return LEVELS.map((level) => ({ key: keyOf(key, level), title: `${title}, ${level.title}`, digits: 1 }));
}

function keyOf(key: string, { each }: Level): string {
  return `${key}${each}`;
}

function flat(contender: ContenderName, what: string): Goal[] {
  const goal = (title: string, metric: string): Goal => ({
    title: `${title}, ${what}`,
    metric,
    contender,
    baseline: null,
    limit: FLAT,
    unit: "×",
  });
  return [
    goal(`CPU per subscribe and unsubscribe, ${MANY.title} channels to ${FEW.title}`, "churnGrowth"),
    goal(`CPU per delivery, ${MANY.title} channels to ${FEW.title}`, "deliveryGrowth"),
    goal(`memory per channel, beyond ${SOME.title} channels to below`, "memoryGrowth"),
  ];
}
