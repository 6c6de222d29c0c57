import { GeneratorProcess } from "../generator-process.ts";
import { settledKib } from "../memory.ts";
import type { Measurement, Scenario, ScenarioRun } from "../scenario.ts";
import { inOnePart, missingSubscribers } from "../scenario.ts";

const FEW = 2_000;
const MANY = 9_000;
const PARALLEL = 100;

/**
 * What one more idle connection costs the gateway, and what one more channel of its own costs: slopes between 2,000 and
 * 9,000, so that the process's own size cancels out.
 */
export const idle: Scenario = {
  name: "idle",
  title: `Resident memory of the gateway: slope from ${FEW} to ${MANY} idle connections, then as many channels of their own.`,
  contenders: ["bare", "bridge", "carillon", "carillon-exact", "carillon-partition"],
  metrics: [
    { key: "connectionKib", title: "KiB per connection", digits: 2 },
    { key: "channelKib", title: "KiB per channel of its own", digits: 2 },
    { key: "bothKib", title: "KiB per connection with one", digits: 2 },
    { key: "residentMib", title: `gateway MiB with ${MANY} of both`, digits: 0 },
  ],
  goals: [
    { ...memoryGoal("memory per idle connection", "connectionKib"), contender: "carillon", limit: 3 },
    {
      ...memoryGoal("memory per channel of its own, exact interest", "channelKib"),
      contender: "carillon-exact",
      limit: 5,
    },
    {
      ...memoryGoal("memory per channel of its own, partition interest", "channelKib"),
      contender: "carillon-partition",
      limit: 1,
    },
    {
      ...memoryGoal("memory per idle connection with a channel of its own", "bothKib"),
      contender: "carillon",
      limit: 4,
    },
  ],
  isInspected: true,
  ...inOnePart((run) => measureIdle(run, { few: FEW, many: MANY })),
};

function memoryGoal(title: string, metric: string) {
  return { title, metric, baseline: null, unit: "KiB" } as const;
}

/** Between which numbers of connections, and of channels, the slopes are taken. */
interface IdleSizes {
  readonly few: number;
  readonly many: number;
}

/** Measures both slopes once. */
export async function measureIdle({ contender }: ScenarioRun, { few, many }: IdleSizes): Promise<Measurement> {
  await using generator = new GeneratorProcess();
  const { target } = contender;
  const connect = (from: number, to: number) =>
    generator.call<"connect">({ command: "connect", target, from, to, channels: "shared", parallel: PARALLEL });
  const subscribeOwn = (from: number, to: number) =>
    generator.call<"subscribe-own">({ command: "subscribe-own", from, to, parallel: PARALLEL });

  await connect(0, few);
  const fewConnectionsKib = await settledKib(contender);
  const connected = await connect(few, many);
  const manyConnectionsKib = await settledKib(contender);
  await subscribeOwn(0, few);
  const fewChannelsKib = await settledKib(contender);
  const subscribed = await subscribeOwn(few, many);
  const manyChannelsKib = await settledKib(contender);
  const { problems } = await generator.call<"drop">({ command: "drop" });
  const connectionKib = (manyConnectionsKib - fewConnectionsKib) / (many - few);
  const channelKib = (manyChannelsKib - fewChannelsKib) / (many - few);
  return {
    values: {
      connectionKib,
      channelKib,
      bothKib: connectionKib + channelKib,
      residentMib: manyChannelsKib / 1024,
    },
    problems: [
      ...missingSubscribers(connected.ready, many - few),
      ...missingSubscribers(subscribed.ready, many - few),
      ...problems,
    ],
  };
}
