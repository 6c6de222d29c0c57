import type { Channel, Session } from "@carillon/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createApp, type TestConnection, TestNode } from "./support/test-node.ts";

const app = createApp();
const encoder = new TextEncoder();

/** A node with so many subscribers of channel `a`. */
async function crowd(size: number, coalesceMs = 5): Promise<{ test: TestNode; connections: TestConnection[] }> {
  const test = new TestNode({ coalesceMs });
  const connections = Array.from({ length: size }, () => test.connect(app));
  for (const { session } of connections) await session.subscribe({ channel: "a" });
  return { test, connections };
}

const publish = (test: TestNode, event: string, more: { exclude?: string; payload?: Uint8Array } = {}) =>
  test.publish("a", { event, ...more });

/** The names of the events that a client got. */
const eventsOf = ({ texts }: TestConnection) => texts.map((text) => text.split(" ")[2]);

it("Coalescer › what comes after a pause is delivered at once, what follows on it waits for the rest of the window", async () => {
  const { test, connections } = await crowd(50);
  const client = connections[0] as TestConnection;
  await publish(test, "first");
  expect(eventsOf(client)).toEqual(["first"]);
  test.clock.advance(2);
  await publish(test, "second");
  test.clock.advance(1);
  await publish(test, "third");
  test.clock.advance(1);
  expect(eventsOf(client)).toEqual(["first"]);
  test.clock.advance(2);
  expect(eventsOf(client)).toEqual(["first", "second", "third"]);
  test.clock.advance(21);
  await publish(test, "fourth");
  expect(eventsOf(client)).toEqual(["first", "second", "third", "fourth"]);
});

it("Coalescer › while several come together in each window, the first behind a write waits as well", async () => {
  const { test, connections } = await crowd(50);
  const client = connections[0] as TestConnection;
  await publish(test, "first");
  test.clock.advance(1);
  for (const event of ["second", "third"]) await publish(test, event);
  test.clock.advance(14);
  expect(eventsOf(client)).toEqual(["first", "second", "third"]);
  await publish(test, "fourth");
  expect(eventsOf(client)).toHaveLength(3);
  test.clock.advance(5);
  expect(eventsOf(client)).toEqual(["first", "second", "third", "fourth"]);
  // It was alone: the channel is no longer hot.
  test.clock.advance(6);
  await publish(test, "fifth");
  expect(eventsOf(client)).toHaveLength(5);
});

it("Coalescer › what comes in one read of the bus leaves in one write, without waiting", async () => {
  const { test, connections } = await crowd(50);
  const events = Array.from({ length: 20 }, (_, index) => `event-${index}`);
  for (const event of events) await publish(test, event);
  for (const each of connections) expect(eventsOf(each)).toEqual(events);
});

it("Coalescer › behind a write of several, a pause that is shorter than the write was is none; behind one alone it is", async () => {
  for (const isAlone of [true, false]) {
    const { test, connections } = await crowd(50);
    const client = connections[0] as TestConnection;
    const together = isAlone ? ["first"] : ["first", "second"];
    for (const event of together) await publish(test, event);
    test.clock.freeze(30);
    // Longer than the window, shorter than that write.
    test.clock.advance(29);
    await publish(test, "soon");
    expect(eventsOf(client)).toEqual(isAlone ? ["first", "soon"] : together);
    test.clock.advance(1);
    expect(eventsOf(client)).toEqual([...together, "soon"]);
    test.clock.advance(6);
    for (const event of together) await publish(test, event);
    test.clock.freeze(30);
    test.clock.advance(31);
    await publish(test, "late");
    expect(eventsOf(client)).toEqual([...together, "soon", ...together, "late"]);
  }
});

it("Coalescer › what was kept takes nothing along that comes when its write is under way: the bus is read behind it", async () => {
  const { test, connections } = await crowd(50);
  const client = connections[0] as TestConnection;
  await publish(test, "first");
  test.clock.advance(1);
  await publish(test, "kept");
  test.services.hub.flush();
  await publish(test, "behind");
  expect(eventsOf(client)).toEqual(["first", "kept"]);
  test.clock.advance(5);
  expect(eventsOf(client)).toEqual(["first", "kept", "behind"]);
});

it("Coalescer › a channel that is published to less often than the window never waits, nor does one that few listen to", async () => {
  const [slow, few, off] = [await crowd(50), await crowd(9), await crowd(50, 0)];
  for (let count = 1; count <= 10; count++) {
    for (const { test, connections } of [slow, few, off]) {
      test.clock.advance(test === slow.test ? 6 : 1.5);
      await publish(test, "tick");
      expect(eventsOf(connections[0] as TestConnection)).toHaveLength(count);
    }
  }
});

it("Coalescer › the window grows with the subscribers: a tenth of a millisecond for each", async () => {
  const { test, connections } = await crowd(20);
  const client = connections[0] as TestConnection;
  await publish(test, "first");
  test.clock.advance(1);
  await publish(test, "second");
  test.clock.advance(0.9);
  expect(eventsOf(client)).toEqual(["first"]);
  test.clock.advance(0.4);
  expect(eventsOf(client)).toEqual(["first", "second"]);
});

it("Coalescer › no more waits than one write can take: 32 publications, or 16 KiB", async () => {
  for (const [payload, most] of [
    [encoder.encode("1"), 32],
    [encoder.encode(`"${"x".repeat(8_200)}"`), 2],
  ] as const) {
    const { test, connections } = await crowd(50);
    const client = connections[0] as TestConnection;
    await publish(test, "first", { payload });
    test.clock.advance(1);
    for (let count = 1; count < most; count++) await publish(test, "kept", { payload });
    expect(client.texts).toHaveLength(1);
    await publish(test, "last", { payload });
    expect(client.texts).toHaveLength(1 + most);
  }
});

it("Coalescer › whoever is told that its connection ends has had all that was published before", async () => {
  const { test, connections } = await crowd(50);
  const [leaver, stays] = connections as [TestConnection, TestConnection];
  await publish(test, "first");
  test.clock.advance(1);
  await publish(test, "last-words");
  leaver.session.end("blocked");
  for (const each of [leaver, stays]) expect(eventsOf(each)).toEqual(["first", "last-words"]);
});

it("Coalescer › whoever unsubscribes while its own event waits doesn't get it after all", async () => {
  const { test, connections } = await crowd(50);
  const [sender, other] = connections as [TestConnection, TestConnection];
  await publish(test, "first");
  test.clock.advance(1);
  await publish(test, "own", { exclude: sender.session.connectionId });
  sender.session.unsubscribe("a");
  expect([eventsOf(sender), eventsOf(other)]).toEqual([["first"], ["first", "own"]]);
});

it("Coalescer › a node that closes keeps nothing back and leaves no timer", async () => {
  const { test, connections } = await crowd(50);
  await publish(test, "first");
  test.clock.advance(1);
  await publish(test, "second");
  for (const { session } of connections) session.onClosed();
  test.node.close();
  expect(test.clock.pendingTimers).toBe(0);
});

const who = fc.nat({ max: 39 });
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("publish" as const), exclude: fc.option(who) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.double({ min: 0.1, max: 6, noNaN: true }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("subscribe" as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("unsubscribe" as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("gap" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("count" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("end" as const), who }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A node with this window that plays steps, and how long publications waited in it. */
class Play {
  readonly #test: TestNode;
  readonly #connections: readonly TestConnection[];
  readonly #channel: Channel;
  readonly #publishedAtMs: number[] = [];
  #delivered = 0;
  longestMs = 0;

  constructor({ test, connections }: Awaited<ReturnType<typeof crowd>>) {
    this.#test = test;
    this.#connections = connections;
    this.#channel = test.services.channels.acquire(app.id, "a");
    const { codec } = test;
    const encode = codec.encodePublication.bind(codec);
    codec.encodePublication = (channel, publication) => {
      this.#onDelivered();
      return encode(channel, publication);
    };
  }

  /** What each client got. */
  get texts(): readonly (readonly string[])[] {
    return this.#connections.map(({ texts }) => texts);
  }

  async act(each: Step): Promise<void> {
    const { clock, services } = this.#test;
    if (each.kind === "publish") await this.#publish(each.exclude);
    else if (each.kind === "advance") clock.advance(each.ms);
    else if (each.kind === "gap") services.hub.announceGap(this.#channel);
    else if (each.kind === "count") services.hub.announceCount(this.#channel, 7);
    else this.#change(each.kind, (this.#connections[each.who] as TestConnection).session);
  }

  /** Lets the window pass; nothing is left then. */
  end(): void {
    this.#test.clock.advance(5);
    expect(this.#delivered).toBe(this.#publishedAtMs.length);
  }

  #change(kind: "subscribe" | "unsubscribe" | "end", session: Session): void {
    if (kind === "subscribe") void session.subscribe({ channel: "a" });
    else if (kind === "unsubscribe") session.unsubscribe("a");
    else if (session.end("blocked")) session.onClosed();
  }

  async #publish(exclude: number | null): Promise<void> {
    if (this.#channel.subscribers > 0) this.#publishedAtMs.push(this.#test.clock.monotonic());
    const excluded = exclude === null ? "" : (this.#connections[exclude] as TestConnection).session.connectionId;
    await publish(this.#test, `event-${this.#publishedAtMs.length}`, { exclude: excluded });
  }

  // Each is encoded once, when it is delivered.
  #onDelivered(): void {
    const atMs = this.#publishedAtMs[this.#delivered++] ?? Number.NaN;
    this.longestMs = Math.max(this.longestMs, this.#test.clock.monotonic() - atMs);
  }
}

async function play(steps: readonly Step[], coalesceMs: number): Promise<Play> {
  const playing = new Play(await crowd(40, coalesceMs));
  for (const each of steps) await playing.act(each);
  playing.end();
  return playing;
}

it("Coalescer › the window changes nothing but the time: each client gets the same frames in the same order", async () => {
  let longestMs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const [together, alone] = [await play(steps, 5), await play(steps, 0)];
      expect(together.texts).toEqual(alone.texts);
      longestMs = Math.max(longestMs, together.longestMs);
      expect([alone.longestMs, together.longestMs <= 5]).toEqual([0, true]);
    }),
  );
  // Something did wait.
  expect(longestMs).toBeGreaterThan(0);
});
