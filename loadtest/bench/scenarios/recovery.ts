import type { Position } from "@carillon/core";
import { formatPosition } from "@carillon/core";
import type { NatsBus } from "@carillon/nats";
import { connectNatsBus } from "@carillon/nats";
import { connect } from "nats";
import { BareDirectGet } from "../bare-direct-get.ts";
import { BareFetch } from "../bare-fetch.ts";
import { HISTORY_MAX_AGE_SECONDS } from "../carillon-config.ts";
import { Disposal } from "../disposal.ts";
import { GeneratorProcess } from "../generator-process.ts";
import { APP_ID, fillHistories } from "../history-filler.ts";
import { metricOfGateways } from "../metrics.ts";
import type { Measurement, Scenario, ScenarioRun } from "../scenario.ts";
import { inOnePart } from "../scenario.ts";
import { median, percentile } from "../statistics.ts";

const CHANNELS = 200;
/** Events of each channel in all. */
const KEPT = 110;
const RULE_MESSAGES = 200;
const PAYLOAD_BYTES = 128;
/** Channels before it counts: code is compiled, streams are known. */
const WARM_UP = 20;

const LIMITS = { messages: RULE_MESSAGES, maxAgeMs: HISTORY_MAX_AGE_SECONDS * 1000 };

/** Clients that come back after they have missed a few events. */
export const recovery10: Scenario = recovery(10);

/** Clients that come back after they have missed many. */
export const recovery100: Scenario = recovery(100);

/** How long one client waits for what it missed, next to a bare read of the same messages within the same second. */
function recovery(missed: number): Scenario {
  return {
    name: `recovery-${missed}`,
    title:
      `A client comes back with a position and has missed ${missed} events, on each of ${CHANNELS} channels, one after the ` +
      "other; and bare reads of the same messages.",
    contenders: ["carillon"],
    history: { messages: RULE_MESSAGES, replicas: 1 },
    metrics: [
      { key: "bareP50Ms", title: "bare Direct Get: p50 ms", digits: 2 },
      { key: "bareP99Ms", title: "p99 ms", digits: 2 },
      { key: "fetchP50Ms", title: "bare fetch: p50 ms", digits: 2 },
      { key: "fetchP99Ms", title: "p99 ms", digits: 2 },
      { key: "provenP50Ms", title: "with proof: p50 ms", digits: 2 },
      { key: "provenP99Ms", title: "p99 ms", digits: 2 },
      { key: "storeP50Ms", title: "read of the store: p50 ms", digits: 2 },
      { key: "storeP99Ms", title: "p99 ms", digits: 2 },
      { key: "storeToFetch", title: "× fetch", digits: 2 },
      { key: "storeToBare", title: "× Direct Get", digits: 2 },
      { key: "storeToProven", title: "× with proof", digits: 2 },
      { key: "coldP50Ms", title: "client, cold: p50 ms", digits: 2 },
      { key: "coldP99Ms", title: "p99 ms", digits: 2 },
      { key: "coldReads", title: "reads of the store", digits: 2 },
      { key: "warmP50Ms", title: "client, warm: p50 ms", digits: 2 },
      { key: "warmP99Ms", title: "p99 ms", digits: 2 },
    ],
    goals: [
      {
        title: `read of the store for ${missed} missed events, p50`,
        metric: "storeToFetch",
        contender: "carillon",
        baseline: null,
        limit: 1.3,
        unit: "× bare fetch",
      },
      {
        title: `the same, next to the least that proves as much`,
        metric: "storeToProven",
        contender: "carillon",
        baseline: null,
        limit: 1.3,
        unit: "× bare with proof",
      },
    ],
    ...inOnePart((run) => measure(run, missed)),
  };
}

/** Times in ms of each way to get what was missed, in the order of the channels. */
interface Times {
  readonly bare: number[];
  readonly fetch: number[];
  readonly proven: number[];
  readonly store: number[];
  readonly cold: number[];
  readonly warm: number[];
}

async function measure({ contender, effort }: ScenarioRun, missed: number): Promise<Measurement> {
  await using stack = new Disposal();
  const generator = stack.use(new GeneratorProcess());
  const servers = contender.natsUrls.split(",");
  const history = { maxMessagesPerChannel: LIMITS.messages, maxAgeMs: LIMITS.maxAgeMs };
  const bus = await connectNatsBus({ servers, history });
  stack.defer(() => bus.close());
  const connection = await connect({ servers });
  stack.defer(() => connection.close());
  const bare = new BareDirectGet(connection);
  const fetcher = new BareFetch(connection);

  const channels = WARM_UP + Math.ceil(CHANNELS * effort.duration);
  const last = KEPT - missed;
  const positions = await fill(bus, channels, last);
  const times: Times = { bare: [], fetch: [], proven: [], store: [], cold: [], warm: [] };
  const problems: string[] = [];
  for (const [index, position] of positions.entries()) {
    const channel = channelName(index);
    const command = { command: "recover", target: contender.target, channel, first: last + 1, missed } as const;
    const recover = () => generator.call<"recover">({ ...command, position: formatPosition(position) });
    const range = { channel, from: position.offset + 1, count: missed };
    const getBare = async () => void (await bare.get(range));
    const fetch = async () => void (await fetcher.fetch(range));
    const getProven = async () => void (await bare.getProven(range));
    const readStore = async () => assertWhole(await readMissed(bus, channel, position), missed);
    // Whoever reads later finds the messages in the caches of the first: they take turns.
    const ways = [
      { into: times.bare, act: getBare },
      { into: times.fetch, act: fetch },
      { into: times.proven, act: getProven },
      { into: times.store, act: readStore },
    ];
    const turn = index % ways.length;
    for (const { into, act } of [...ways.slice(turn), ...ways.slice(0, turn)]) into.push(await timed(act));
    await fetcher.forget();
    for (const into of [times.cold, times.warm]) {
      const reply = await recover();
      into.push(reply.ms);
      problems.push(...reply.problems);
    }
  }
  const [reads = Number.NaN] = await metricOfGateways(contender, "carillon_history_reads_total");
  return { values: { ...valuesOf(times), coldReads: reads / channels }, problems: [...new Set(problems)] };
}

/** Writes the events; resolves with the position behind event number `last` of each channel. */
async function fill(bus: NatsBus, channels: number, last: number): Promise<readonly Position[]> {
  const positions: Position[] = [];
  await fillHistories({
    bus,
    channels,
    channelName,
    first: 1,
    perChannel: KEPT,
    payloadBytes: PAYLOAD_BYTES,
    limits: LIMITS,
    onKept: (channel, number, position) => {
      if (number === last) positions[channel] = position;
    },
  });
  return positions;
}

function readMissed(bus: NatsBus, channel: string, since: Position) {
  return bus.history.read({ appId: APP_ID, channel }, { limits: LIMITS, since, limit: 500, direction: "forward" });
}

function assertWhole(page: Awaited<ReturnType<typeof readMissed>>, missed: number): void {
  if (page.isReachable && page.publications.length === missed) return;
  throw new Error(`a read of the store came to ${page.publications.length} events instead of ${missed}`);
}

async function timed(act: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

function channelName(index: number): string {
  return `bench-recovery-${index}`;
}

function valuesOf(times: Times): Record<string, number> {
  const values: Record<string, number> = {};
  for (const [name, all] of Object.entries(times)) {
    const counted = all.slice(WARM_UP);
    values[`${name}P50Ms`] = percentile(counted, 0.5);
    values[`${name}P99Ms`] = percentile(counted, 0.99);
  }
  values["storeToFetch"] = medianRatio(times.store, times.fetch);
  values["storeToBare"] = medianRatio(times.store, times.bare);
  values["storeToProven"] = medianRatio(times.store, times.proven);
  return values;
}

/** Median of the ratios channel by channel, whose reads are neighbours in time. */
function medianRatio(times: readonly number[], base: readonly number[]): number {
  return median(times.map((time, index) => time / (base[index] ?? Number.NaN)).slice(WARM_UP));
}
