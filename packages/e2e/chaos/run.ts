import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fleet } from "./fleet.ts";
import { Guest } from "./guest.ts";
import { judge, type Verdict } from "./judge.ts";
import { Listener } from "./listener.ts";
import { Nemesis } from "./nemesis.ts";
import { pause } from "./pause.ts";
import { Random } from "./random.ts";
import { RunRecord } from "./run-record.ts";
import { Writer } from "./writer.ts";

/** How to run. */
export interface RunOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly gateways: number;
  readonly publishers: number;
  readonly writers: number;
  readonly listeners: number;
  /** Users who come to and leave a presence channel. */
  readonly guests: number;
  readonly channels: number;
  /**
   * Share of recoveries that may fail although all was kept, since nobody could prove it. Default 0.01, the promise while a
   * majority of NATS lives; in a run of seconds one outage of a stream's leader weighs more.
   */
  readonly maxUnprovenShare?: number;
  /** How long everybody has to catch up when all is whole again, in ms. Default a minute. */
  readonly settleWithinMs?: number;
  /** Arguments for Node in every gateway and publisher, such as `--import` of a module that plants a bug. Default: none. */
  readonly nodeArgs?: readonly string[];
}

/** What came of it. */
export interface Outcome {
  readonly verdict: Verdict;
  readonly record: RunRecord;
  readonly harm: ReadonlyMap<string, number>;
  readonly retries: number;
  readonly logs: readonly string[];
}

const APP = { key: "chaos", secret: "chaos-secret-of-some-length" };
const SECRET = "chaos-publish-secret";
const ROOM = "presence-room";
/** Newest events kept of most channels, and of those that are made to forget. */
const LONG_HISTORY = 1000;
const SHORT_HISTORY = 20;
const SETTLE_WITHIN_MS = 60_000;
/** The promise on members of a dead node. */
const PRESENCE_WITHIN_MS = 10_000;
/** Of recoveries, while a majority of NATS lives. */
const MAX_UNPROVEN_SHARE = 0.01;

const CONFIG = `
apps:
  - id: "1"
    key: ${APP.key}
    secrets: [${APP.secret}]
    publishSecret: ${SECRET}
    limits: { commandsPerSecond: 0 }
channels:
  - { match: "long-*", history: { messages: ${LONG_HISTORY}, maxAge: 1h } }
  - { match: "short-*", history: { messages: ${SHORT_HISTORY}, maxAge: 1h } }
gateway: { lingerSeconds: 1, drain: { spreadSeconds: 0 } }
nats: { history: { streams: 2, replicas: 3 }, idempotency: { replicas: 3 } }
`;

/** Starts everything, lets it be harmed for a while, lets it heal, and judges what was seen. */
export async function run(options: RunOptions): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "carillon-chaos-"));
  const configFile = join(folder, "carillon.yaml");
  await writeFile(configFile, CONFIG);
  try {
    const { gateways, publishers, nodeArgs = [] } = options;
    const fleet = await Fleet.start({ configFile, gateways, publishers, nodeArgs });
    try {
      return await runOn(fleet, options);
    } finally {
      await fleet.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runOn(fleet: Fleet, options: RunOptions): Promise<Outcome> {
  const random = new Random(options.seed);
  const record = new RunRecord();
  const channels = Array.from(
    { length: options.channels },
    (_, index) => `${index % 4 === 3 ? "short" : "long"}-${index}`,
  );
  const listeners = makeListeners(options.listeners, { fleet, random, record, channels });
  const writers = Array.from({ length: options.writers }, (_, index) => {
    const publisherUrls = () => fleet.publisherUrls;
    return new Writer({
      number: index,
      channels,
      publisherUrls,
      secret: SECRET,
      record,
      random: random.fork(),
      paceMs: 30,
    });
  });
  const guests = Array.from({ length: options.guests }, (_, number) => {
    const own = random.fork();
    const gatewayUrls = () => fleet.gatewayUrls;
    return new Guest({ number, channel: ROOM, app: APP, gatewayUrls, record, random: own, stayMs: 6000, awayMs: 4000 });
  });
  const nemesis = new Nemesis({ fleet, record, random: random.fork() });
  const listening = [...listeners, ...guests].map((each) => each.run());
  const writing = writers.map((each) => each.run());
  const harming = nemesis.run();
  await Promise.race([pause(options.seconds * 1000), harming]);
  nemesis.stop();
  await harming;
  record.note("everything is whole again");
  for (const writer of writers) writer.stop();
  await Promise.all(writing);
  for (const [index, listener] of listeners.entries()) listener.settle(index % 2 === 0);
  const staying = guests.filter((_, index) => index % 2 === 0);
  for (const guest of guests)
    if (staying.includes(guest)) guest.settle();
    else guest.stop();
  await untilSettled(listeners, record, options.settleWithinMs ?? SETTLE_WITHIN_MS);
  await untilAgreed(staying, record);
  for (const each of [...listeners, ...guests]) each.stop();
  await Promise.all(listening);
  const keptOf = (channel: string) => (channel.startsWith("short") ? SHORT_HISTORY : LONG_HISTORY);
  const verdict = judge(record.events, { keptOf, maxUnprovenShare: options.maxUnprovenShare ?? MAX_UNPROVEN_SHARE });
  const retries = writers.reduce((sum, writer) => sum + writer.retries, 0);
  return { verdict, record, harm: nemesis.harm, retries, logs: fleet.logs };
}

interface Surroundings {
  readonly fleet: Fleet;
  readonly random: Random;
  readonly record: RunRecord;
  readonly channels: readonly string[];
}

function makeListeners(count: number, { fleet, random, record, channels }: Surroundings): readonly Listener[] {
  return Array.from({ length: count }, (_, index) => {
    const own = random.fork();
    const wanted = channels.filter(() => own.chance(0.6));
    return new Listener({
      number: index,
      channels: wanted.length === 0 ? channels.slice(0, 1) : wanted,
      gatewayUrls: () => fleet.gatewayUrls,
      record,
      random: own,
      stayMs: 8000,
      awayMs: 2000,
    });
  });
}

/** Waits until everybody is subscribed and has the newest event of each of their channels; the judge tells if that fails. */
async function untilSettled(listeners: readonly Listener[], record: RunRecord, withinMs: number): Promise<void> {
  const heads = new Map<string, number>();
  for (const event of record.events) {
    if (event.kind !== "acknowledged") continue;
    const offset = Number(event.position.split(":")[1]);
    heads.set(event.channel, Math.max(offset, heads.get(event.channel) ?? 0));
  }
  const endMs = record.elapsedMs + withinMs;
  const isThere = (each: Listener) =>
    each.isStanding && each.channels.every((channel) => each.offsetOn(channel) >= (heads.get(channel) ?? 0));
  while (!listeners.every(isThere) && record.elapsedMs < endMs) await pause(50);
}

/** Waits until those who stay on the presence channel see each other and nobody else; the judge tells if that fails. */
async function untilAgreed(staying: readonly Guest[], record: RunRecord): Promise<void> {
  const present = staying.map(({ id }) => id);
  const isThere = ({ view }: Guest) => view?.size === present.length && present.every((id) => view.has(id));
  const endMs = record.elapsedMs + PRESENCE_WITHIN_MS;
  while (!staying.every(isThere) && record.elapsedMs < endMs) await pause(50);
  for (const { number } of staying) record.add({ kind: "settled", client: number, channel: ROOM, present });
}
