import { setTimeout as delay } from "node:timers/promises";
import type { ContenderName } from "../contender.ts";
import { Disposal } from "../disposal.ts";
import { settledKib } from "../memory.ts";
import { metricOfGateways } from "../metrics.ts";
import type { Goal, Measurement, Scenario, ScenarioRun } from "../scenario.ts";
import { inOnePart } from "../scenario.ts";
import { median } from "../statistics.ts";
import { CHURNED, ChannelLoad, HEARD, LINGER_SECONDS, OUTSTANDING } from "./channel-load.ts";

/** Connections of each gateway, in a full run. */
const CONNECTIONS = 1_000;
/** Channels of each of them on the gateway that has few, and on the one that has many: in the end, and where memory is read before. */
const FEW_EACH = 1;
const SOME_EACH = 10;
const HALF_EACH = 55;
const MANY_EACH = 100;

const TURNS = 3;
const IDLE_MS = 1_500;

/** The most that one of 100,000 channels may cost, where one of 1,000 costs 1. */
const FLAT = 1.3;

/**
 * What a channel costs a gateway by how many there are: nothing that is done for one channel should take longer because there are
 * others.
 */
export const channels: Scenario = {
  name: "channels",
  title:
    `A gateway with 1,000 channels and one with 100,000, of one cluster, ${CONNECTIONS} connections each (a fifth of all that with --quick). In turns, ` +
    `${CHURNED} further channels are subscribed to and left, and events go to ${HEARD} channels, one subscriber each, ${OUTSTANDING} publishes outstanding.`,
  contenders: ["carillon", "carillon-partition", "carillon-auto", "carillon-apps"],
  metrics: [
    { key: "fewChurnUs", title: "gateway CPU µs per subscribe and unsubscribe, 1 k", digits: 1 },
    { key: "manyChurnUs", title: "100 k", digits: 1 },
    { key: "churnGrowth", title: "×", digits: 2 },
    { key: "fewDeliveryUs", title: "per delivery, 1 k", digits: 1 },
    { key: "manyDeliveryUs", title: "100 k", digits: 1 },
    { key: "deliveryGrowth", title: "×", digits: 2 },
    { key: "fewIdleMs", title: "idle, ms a second, 1 k", digits: 1 },
    { key: "manyIdleMs", title: "100 k", digits: 1 },
    { key: "fewKib", title: "KiB per channel, 10 k to 55 k", digits: 2 },
    { key: "manyKib", title: "55 k to 100 k", digits: 2 },
  ],
  goals: [
    ...flat("carillon", "exact interest"),
    ...flat("carillon-partition", "partition interest"),
    ...flat("carillon-auto", "interest chosen by itself"),
    ...flat("carillon-apps", "1,000 apps"),
    {
      title: "gateway CPU per subscribe and unsubscribe, 1,000 apps, 100 k channels",
      metric: "manyChurnUs",
      contender: "carillon-apps",
      baseline: "carillon",
      limit: FLAT,
      unit: "",
    },
  ],
  gateways: 2,
  isInspected: true,
  lingerSeconds: LINGER_SECONDS,
  ...inOnePart(measure),
};

/** Both gateways, the one with many channels first: the one that can be inspected. */
interface Loads {
  readonly many: ChannelLoad;
  readonly few: ChannelLoad;
}

async function measure({ contender, effort }: ScenarioRun): Promise<Measurement> {
  await using disposal = new Disposal();
  const connections = Math.round(CONNECTIONS * effort.size);
  const open = async (at: number): Promise<ChannelLoad> => {
    const gateway = contender.gateways[at];
    if (gateway === undefined) throw new Error(`there is no gateway ${at}`);
    const { duration } = effort;
    return disposal.use(await ChannelLoad.open({ contender, gateway, block: 10 * at, connections, duration }));
  };
  const loads: Loads = { many: await open(0), few: await open(1) };
  await loads.few.fill(FEW_EACH);
  const residentKib: number[] = [];
  for (const each of [SOME_EACH, HALF_EACH, MANY_EACH]) {
    await loads.many.fill(each);
    residentKib.push(await settledKib(contender));
  }
  const [some = Number.NaN, half = Number.NaN, many = Number.NaN] = residentKib;
  const fewKib = (half - some) / (connections * (HALF_EACH - SOME_EACH));
  const manyKib = (many - half) / (connections * (MANY_EACH - HALF_EACH));
  const values = await measureInTurns(loads);
  const standing = await metricOfGateways(contender, "carillon_channels");
  const expected = [loads.many.channels, loads.few.channels];
  const isKept = standing.every((count, at) => count === expected[at]);
  const problems = isKept
    ? []
    : [`the gateways have ${standing.join(" and ")} channels, not ${expected.join(" and ")}`];
  return {
    values: { ...values, fewKib, manyKib, memoryGrowth: manyKib / fewKib },
    problems: [...loads.many.problems, ...loads.few.problems, ...problems],
  };
}

async function measureInTurns({ many, few }: Loads): Promise<Record<string, number>> {
  const both = [few, many] as const;
  // So that the code is compiled, and what the fill has left to be collected is.
  for (const load of both) {
    await load.churn(0);
    await load.deliver();
  }
  const [idle, churn, delivery] = [new Turns(), new Turns(), new Turns()];
  for (let turn = 0; turn < TURNS; turn++) {
    const manyIdle = many.cpuMs(() => delay(IDLE_MS));
    const idleMs = [await few.cpuMs(() => delay(IDLE_MS)), await manyIdle].map((ms) => (ms * 1000) / IDLE_MS);
    const [fewIdleMs = 0, manyIdleMs = 0] = idleMs;
    idle.add(fewIdleMs, manyIdleMs);
    // Another one is first each time.
    if (turn % 2 === 0) {
      churn.add(await few.churn(fewIdleMs), await many.churn(manyIdleMs));
      delivery.add(await few.deliver(), await many.deliver());
    } else {
      const [manyChurn, manyDelivery] = [await many.churn(manyIdleMs), await many.deliver()];
      churn.add(await few.churn(fewIdleMs), manyChurn);
      delivery.add(await few.deliver(), manyDelivery);
    }
  }
  // A linger after the last one, so that all interest has ended.
  await delay(2 * LINGER_SECONDS * 1000);
  return {
    fewChurnUs: churn.few,
    manyChurnUs: churn.many,
    churnGrowth: churn.growth,
    fewDeliveryUs: delivery.few,
    manyDeliveryUs: delivery.many,
    deliveryGrowth: delivery.growth,
    fewIdleMs: idle.few,
    manyIdleMs: idle.many,
  };
}

/** What was measured on both gateways, one right after the other. */
class Turns {
  readonly #few: number[] = [];
  readonly #many: number[] = [];

  add(few: number, many: number): void {
    this.#few.push(few);
    this.#many.push(many);
  }

  get few(): number {
    return median(this.#few);
  }

  get many(): number {
    return median(this.#many);
  }

  /** Median of the ratios of neighbours. */
  get growth(): number {
    return median(this.#many.map((value, at) => value / (this.#few[at] ?? Number.NaN)));
  }
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
    goal("gateway CPU per subscribe and unsubscribe, with 100 k channels to with 1 k", "churnGrowth"),
    goal("gateway CPU per delivery, with 100 k channels to with 1 k", "deliveryGrowth"),
    goal("memory per channel, from 55 k channels to up to there", "memoryGrowth"),
  ];
}
