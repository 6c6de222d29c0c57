import { decodeEnvelope } from "@carillon/protocol";
import { eventually, NatsCluster, NatsServer } from "@carillon/testkit";
import { RecordingReceiver } from "@carillon/testkit/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AutoInterestSettings } from "../src/auto-interest.ts";
import { connectNatsBus, type NatsBus } from "../src/index.ts";
import { RESTLESS } from "./support/auto-interest.ts";
import { Meeting } from "./support/meeting.ts";
import { NeverReader } from "./support/never-reader.ts";
import { NumberedPublisher } from "./support/numbered-publisher.ts";
import { channelsIn } from "./support/partitions.ts";

const PARTITIONS = 24;
const CHANNELS = channelsIn(PARTITIONS, 6, "wanted");
/** Nobody is ever there. */
const FOREIGN = channelsIn(PARTITIONS, 1, "foreign");
const TIMEOUT_MS = 120_000;

interface Visit {
  readonly receiver: RecordingReceiver;
  readonly channel: number;
  /** By publisher: the number that it gave the channel next once the subscribe had resolved, and its server knew of it. */
  readonly from: readonly number[];
  hasLeft: boolean;
}

interface World {
  readonly node: NatsBus;
  readonly publishers: readonly NumberedPublisher[];
  /** Where new interest takes a moment to reach the server of the publishers; null: they have the node's. */
  readonly meeting: Meeting | null;
}

/** Which channel, and whether one who is there leaves instead. */
type Step = readonly [number, boolean];

function numbersOf({ envelopes }: RecordingReceiver, publisher: string): number[] {
  const ids = envelopes.map((each) => decodeEnvelope(each)?.id.split("-") ?? []);
  return ids.filter(([name]) => name === publisher).map(([, number]) => Number(number));
}

/** Nothing doubled or overtaken. */
function assertOrder({ receiver }: Visit, { publishers }: World): void {
  for (const { name } of publishers) {
    const numbers = numbersOf(receiver, name);
    expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
  }
}

/** Nothing missing either; who has stayed has all that was published after its subscribe. */
function assertLaw({ receiver, channel, from, hasLeft }: Visit, { publishers, meeting }: World): void {
  for (const [index, publisher] of publishers.entries()) {
    const all = numbersOf(receiver, publisher.name);
    const end = publisher.nextOf(channel);
    const promised = from[index] ?? Number.NaN;
    // Before its own interest got there, one may come by what was left of another's.
    const numbers = meeting === null ? all : all.filter((number) => number >= promised);
    const first = meeting === null ? (all[0] ?? promised) : promised;
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, place) => first + place));
    expect(first).toBeLessThanOrEqual(promised);
    if (!hasLeft && promised < end) expect(numbers.at(-1)).toBe(end - 1);
  }
}

async function visit({ node, publishers, meeting }: World, steps: readonly Step[]): Promise<Visit[]> {
  const visits: Visit[] = [];
  const present: Visit[] = [];
  for (const [place, isLeaving] of steps) {
    if (isLeaving) {
      const [leaving] = present.splice(place % Math.max(1, present.length), 1);
      if (leaving !== undefined) await leave(node, leaving);
      continue;
    }
    const channel = place % CHANNELS.length;
    const receiver = new RecordingReceiver("app", CHANNELS[channel] ?? "");
    await node.subscribe(receiver);
    await meeting?.take();
    const from = publishers.map((publisher) => publisher.nextOf(channel));
    const entered = { receiver, channel, from, hasLeft: false };
    visits.push(entered);
    present.push(entered);
  }
  return visits;
}

async function leave(node: NatsBus, visit: Visit): Promise<void> {
  node.unsubscribe(visit.receiver);
  visit.hasLeft = true;
  const count = visit.receiver.envelopes.length;
  await new Promise((resolve) => setImmediate(resolve));
  expect(visit.receiver.envelopes).toHaveLength(count);
}

/** Resolves when the publishers have come round ten times more: more bytes than buffers take. */
async function whenPublishedOn(publishers: readonly NumberedPublisher[]): Promise<void> {
  const goals = publishers.map((publisher) => publisher.nextOf(0) + 10);
  const behind = () => publishers.filter((publisher, index) => publisher.nextOf(0) < (goals[index] ?? 0));
  await eventually(() => expect(behind()).toEqual([]));
}

const step = fc.tuple(
  fc.nat(10_000),
  fc.nat(2).map((each) => each === 0),
);
const steps: fc.Arbitrary<Step[]> = fc.array(step, { minLength: 400, maxLength: 400 });

/** Changes because of channels that come and go, of foreign traffic, or of both. */
const settings: fc.Arbitrary<Partial<AutoInterestSettings>> = fc.record({
  enterChannels: fc.integer({ min: 1, max: 3 }),
  leaveChannels: fc.constantFrom(2, 3, Number.POSITIVE_INFINITY),
  freeMicros: fc.constantFrom(0, 1_000_000),
});

interface Setting {
  /** Addresses of the servers that the node, and the publishers, are connected to. */
  readonly node: string;
  readonly publishers: string;
  /** Goes along with each envelope. */
  readonly padding?: string;
  readonly runs?: number;
  /** What is done to the server while channels come and go. */
  readonly harm?: () => Promise<void>;
}

async function assertLawHolds({
  node: nodeUrl,
  publishers: publishersUrl,
  padding,
  runs = 4,
  harm,
}: Setting): Promise<void> {
  let changes = 0;
  const property = fc.asyncProperty(settings, steps, async (chosen, moves) => {
    const autoInterest = { ...RESTLESS, ...chosen };
    const node = await connectNatsBus({ servers: [nodeUrl], interest: "auto", autoInterest });
    const buses = [
      await connectNatsBus({ servers: [publishersUrl] }),
      await connectNatsBus({ servers: [publishersUrl] }),
    ];
    const numbered = { channels: [...CHANNELS, ...FOREIGN], ...(padding === undefined ? {} : { padding }) };
    const publishers = buses.map((bus, index) => new NumberedPublisher(`publisher${index}`, bus, numbered));
    const meeting = nodeUrl === publishersUrl ? null : new Meeting(node);
    for (const bus of buses) await meeting?.join(bus);
    const world = { node, publishers, meeting };
    try {
      const [visits] = await Promise.all([visit(world, moves), harm?.()]);
      await whenPublishedOn(publishers);
      await Promise.all(publishers.map((publisher) => publisher.stop()));
      await eventually(() => {
        // A node that was cut off has missed something, and knows it: that is no change's doing.
        for (const each of visits) {
          assertOrder(each, world);
          if (node.counters.disconnects === 0) assertLaw(each, world);
        }
      });
      if (node.counters.disconnects === 0 || harm !== undefined) changes += node.counters.interestChanges;
    } finally {
      await Promise.all(publishers.map((publisher) => publisher.stop()));
      await Promise.all([node, ...buses].map((bus) => bus.close()));
    }
  });
  await fc.assert(property, { numRuns: runs, endOnFailure: true });
  expect(changes).toBeGreaterThan(0);
}

describe("AutoInterest", () => {
  it(
    "law › every receiver gets every envelope once and in order, while channels come and go and partitions change",
    async () => {
      await using server = await NatsServer.start();
      await assertLawHolds({ node: server.url, publishers: server.url });
    },
    TIMEOUT_MS,
  );

  it(
    "law › the same where the server stalls publishers in the middle of a message",
    async () => {
      await using server = await NatsServer.start({ config: { max_pending: 8 * 1024 * 1024 } });
      const reader = new NeverReader(server);
      const setting = { node: server.url, publishers: server.url, padding: "x".repeat(6_000), runs: 1 };
      await assertLawHolds(setting).finally(() => reader.stop());
      // So many times did a publisher wait.
      const { stalled_clients: stalls } = await server.monitor<{ stalled_clients: number }>("/varz");
      expect(stalls).toBeGreaterThan(10);
    },
    TIMEOUT_MS,
  );

  it(
    "law › the same over two servers of a cluster",
    async () => {
      await using cluster = await NatsCluster.start({ size: 2 });
      await assertLawHolds({ node: cluster.server(0).url, publishers: cluster.server(1).url });
    },
    TIMEOUT_MS,
  );

  it(
    "law › nothing is doubled or overtaken where the server goes and comes back in between",
    async () => {
      await using server = await NatsServer.start();
      const harm = async () => {
        await server.kill();
        await server.restart();
      };
      await assertLawHolds({ node: server.url, publishers: server.url, harm });
    },
    TIMEOUT_MS,
  );
});
