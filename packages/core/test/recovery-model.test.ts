import { parsePosition } from "@carillon/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { countUpTo, type Got, RecoveryWorld, textOf, type WorldClient } from "./support/recovery-world.ts";
import { settled } from "./support/test-node.ts";

const CLIENTS = 4;

const client = fc.nat({ max: CLIENTS - 1 });
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("publish" as const) }) },
  { weight: 7, arbitrary: fc.record({ kind: fc.constant("carry" as const), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("drop" as const, "repeat" as const, "swap" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("come" as const),
      client,
      how: fc.constantFrom("recover" as const, "older" as const, "older" as const, "rewind" as const, "plain" as const),
      age: fc.integer({ min: 2, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("leave" as const),
      client,
      how: fc.constantFrom("close" as const, "unsubscribe" as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      outcome: fc.constantFrom("read" as const, "read" as const, "read" as const, "read" as const, "failed" as const),
      index: fc.nat({ max: 2 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("turn" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("reconnect" as const, "doubt" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("advance" as const),
      ms: fc.constantFrom(200, 600, 5000, 61_000, 63_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wipe" as const) }) },
);

/** Most bytes that are read at once: of all, of one publication, of some. */
const pieces = fc.constantFrom(Number.POSITIVE_INFINITY, 1, 100);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function act(world: RecoveryWorld, each: Step): Promise<void> {
  switch (each.kind) {
    case "publish":
      return world.publish();
    case "carry":
      return world.bus.carry(each.count);
    case "drop":
    case "repeat":
    case "swap":
      return world.bus[each.kind]();
    case "come":
      return world.clients[each.client]?.come(each.how, each.age);
    case "leave":
      leave(world, world.clients[each.client], each.how);
      return;
    case "read":
      return world.store.settle(each.outcome, each.index);
    case "turn":
      return settled();
    case "reconnect":
    case "doubt":
      return world.bus[each.kind]();
    case "advance":
      return world.advance(each.ms);
    case "wipe":
      return world.wipe();
    default:
      each satisfies never;
  }
}

function leave(world: RecoveryWorld, gone: WorldClient | undefined, how: "close" | "unsubscribe"): void {
  if (gone?.session == null) return;
  gone.leave(how);
  checkClient(world, gone.got);
}

/** The laws, for what one client got from its coming to its leaving. */
function checkClient(world: RecoveryWorld, got: readonly Got[]): void {
  const joined = got.findIndex(({ kind }) => kind === "joined");
  expect(joined).toBeLessThanOrEqual(0);
  const [first] = got;
  if (first?.kind !== "joined") return;
  const past = got.flatMap((each) => (each.kind === "past" ? [each.number] : []));
  const { position, isRecovered, reason } = first.told;
  const standsAt = position == null ? null : countUpTo(world, `${position.epoch}:${position.offset}`);

  if (first.since === null) expect(isRecovered).toBeUndefined();
  else expect([isRecovered, typeof reason]).toEqual(isRecovered ? [true, "undefined"] : [false, "string"]);
  if (isRecovered === false || (first.since === null && !first.rewind)) expect(past).toEqual([]);
  if (isRecovered === true) {
    const from = countUpTo(world, first.since ?? "");
    const missed = world.published.slice(from ?? 0, standsAt ?? 0).map(({ number }) => number);
    expect(past).toEqual(missed);
  }
  if (first.rewind && past.length > 0) {
    expect(past).toEqual(
      world.published.slice((standsAt ?? 0) - past.length, standsAt ?? 0).map(({ number }) => number),
    );
  }
  checkLive(world, got.slice(1 + past.length), standsAt);
}

/**
 * Live ones follow on each other, or a gap is told. Who has been told a position gets one with each event until a gap: else
 * it would ask again, elsewhere, for what it has got. Without a position nothing is promised but that nothing comes twice,
 * and order while the stream is the same. A store that can't be asked can't say that the stream is another one either, whose offsets may
 * happen to follow on the last one: such a position is of a stream that is no more, and proves nothing.
 */
function checkLive(world: RecoveryWorld, live: readonly Got[], standsAt: number | null): void {
  const seen = new Set<number>();
  let last = standsAt ?? 0;
  let isSure = standsAt !== null;
  for (const each of live) {
    if (each.kind === "gap") {
      const standsNow = each.position === null ? null : countUpTo(world, each.position);
      isSure = standsNow !== null;
      last = standsNow ?? last;
    } else if (each.kind === "live") {
      expect(seen).not.toContain(each.number);
      seen.add(each.number);
      const isOfGoneStream = isForeign(world, each);
      if (isSure && !isOfGoneStream) expect([each.number, typeof each.position]).toEqual([last + 1, "string"]);
      else if (world.wipes <= 1) expect(each.number).toBeGreaterThan(last);
      last = each.number;
      isSure = each.position !== null && !isOfGoneStream;
    }
  }
}

/** True when it came under a position of another stream than the one that it was published in. */
function isForeign(world: RecoveryWorld, { number, position }: { number: number; position: string | null }): boolean {
  const published = world.published[number - 1]?.position ?? "";
  return position !== null && parsePosition(position)?.epoch !== parsePosition(published)?.epoch;
}

/** Who is there knows where they stand, and has got everything that is kept: nothing has to be published first. */
function expectAtHead(world: RecoveryWorld, { got }: WorldClient): void {
  const [joined] = got;
  if (joined?.kind !== "joined") throw new Error("who is there has joined");
  const last = got.findLast(({ kind }) => kind === "gap" || kind === "live") ?? joined;
  const text = last.kind === "joined" ? textOf(last.told) : last.position;
  expect(typeof text).toBe("string");
  if (!world.isLastKept) return;
  const numbers = got.map((each) => (each.kind === "live" || each.kind === "past" ? each.number : 0));
  expect(Math.max(...numbers, countUpTo(world, text ?? "") ?? 0)).toBe(world.published.length);
}

/**
 * Once found by the property: what was dropped together with what another stream had left behind was never asked for; what another
 * stream had left behind was believed when a first piece was read and the next could not be, or when it had come during the first read.
 */
const FOUND: [Step[], number?][] = [
  [
    [
      { kind: "wipe" },
      { kind: "come", client: 0, how: "recover", age: 2 },
      { kind: "wipe" },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "turn" },
      { kind: "advance", ms: 61_000 },
      { kind: "wipe" },
      { kind: "read", outcome: "read", index: 1 },
      { kind: "publish" },
      { kind: "advance", ms: 61_000 },
      { kind: "publish" },
      { kind: "read", outcome: "failed", index: 0 },
    ],
  ],
  [
    [
      { kind: "come", client: 0, how: "recover", age: 2 },
      { kind: "publish" },
      { kind: "carry", count: 1 },
      { kind: "wipe" },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "turn" },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "publish" },
      { kind: "advance", ms: 61_000 },
      { kind: "publish" },
    ],
  ],
  [
    [
      { kind: "come", client: 0, how: "recover", age: 2 },
      { kind: "publish" },
      { kind: "publish" },
      { kind: "carry", count: 2 },
      { kind: "publish" },
      { kind: "carry", count: 1 },
      { kind: "wipe" },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "publish" },
      { kind: "publish" },
      { kind: "carry", count: 1 },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "come", client: 1, how: "rewind", age: 2 },
      { kind: "turn" },
      { kind: "advance", ms: 61_000 },
    ],
    1,
  ],
  [
    [
      { kind: "come", client: 0, how: "recover", age: 2 },
      { kind: "publish" },
      { kind: "carry", count: 1 },
      { kind: "wipe" },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "come", client: 0, how: "recover", age: 2 },
      { kind: "come", client: 0, how: "recover", age: 2 },
      { kind: "come", client: 0, how: "recover", age: 2 },
      { kind: "carry", count: 1 },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "carry", count: 1 },
      { kind: "publish" },
      { kind: "read", outcome: "failed", index: 0 },
      { kind: "turn" },
      { kind: "carry", count: 1 },
      { kind: "come", client: 1, how: "recover", age: 2 },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "carry", count: 1 },
      { kind: "publish" },
      { kind: "reconnect" },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "carry", count: 1 },
      { kind: "read", outcome: "read", index: 0 },
      { kind: "turn" },
      { kind: "leave", client: 1, how: "close" },
      { kind: "come", client: 1, how: "older", age: 3 },
    ],
  ],
];

it("recovery › whatever the bus and the store do, `recovered` is the truth, nothing comes twice, everybody ends at the head", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 100, size: "max" }), pieces, async (steps, maxPastBytes) => {
      const world = new RecoveryWorld(CLIENTS, { maxPastBytes });
      await world.fillUp();
      for (const each of steps) await act(world, each);

      // The bus tells what it has lost, the store answers.
      world.bus.carry(1000);
      if (world.bus.hasLost && world.wipes > 1) world.bus.reconnect();
      else world.bus.doubt();
      await world.settle();
      // The past needs no further publication to be whole.
      for (const each of world.clients) {
        if (world.wipes > 1 || each.session === null || world.published.length === 0) continue;
        each.listen();
        expectAtHead(world, each);
      }
      // Of a stream that began anew unseen, the first publication may be what shows it.
      for (let count = world.wipes > 1 ? 2 : 1; count > 0; count--) {
        await world.publish();
        await world.settle();
      }
      for (const each of world.clients) {
        if (each.session === null) continue;
        each.listen();
        // A store that answers again only later tells a gap then, for what was delivered blindly.
        const newest = each.got.findLast(({ kind }) => kind !== "gap");
        expect(newest).toMatchObject({ number: world.published.length });
        checkClient(world, each.got);
        each.leave();
      }
      world.clock.advance(5000);
      expect([world.node.services.channels.size, world.topics.topics]).toEqual([0, []]);
      world.node.close();
    }),
    {
      numRuns: Number(process.env["RECOVERY_RUNS"] ?? 400),
      examples: FOUND.map(([steps, bytes = Number.POSITIVE_INFINITY]) => [steps, bytes]),
    },
  );
});
