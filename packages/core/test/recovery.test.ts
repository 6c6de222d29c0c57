import { ChannelLog } from "@carillon/core";
import { encodeEnvelope } from "@carillon/protocol";
import { eventually } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import { ADDRESS, type Got, LIMITS, RecoveryWorld, textOf, type WorldOptions } from "./support/recovery-world.ts";
import { START_MS, settled } from "./support/test-node.ts";

/** A channel isn't asked about so often in a row when that brings nothing. */
const MORE_THAN_IN_A_ROW = 20;

/** A world whose store answers at once and whose bus carries all that `publish` brings. */
async function createWorld(clients: number, published = 0, options: WorldOptions = {}): Promise<RecoveryWorld> {
  const world = new RecoveryWorld(clients, options);
  world.store.isInstant = true;
  for (let count = 0; count < published; count++) await world.publish();
  return world;
}

const pastOf = (got: readonly Got[]) => got.flatMap((each) => (each.kind === "past" ? [each.number] : []));
const liveOf = (got: readonly Got[]) => got.flatMap((each) => (each.kind === "live" ? [each.number] : []));
const toldOf = (got: readonly Got[]) => got.flatMap((each) => (each.kind === "joined" ? [each.told] : []));

/** Lets a client that has never been here recover from the position of the publication with this number. */
function comeFrom(world: RecoveryWorld, index: number, number: number) {
  const client = world.clients[index];
  if (client === undefined) throw new Error("no such client");
  client.positions.push(world.published[number - 1]?.position ?? "nowhere");
  client.come("recover");
  return client;
}

/** Lets the first client come while the store can't be asked. Its reads wait from then on. */
async function comeWhileStoreIsAway(world: RecoveryWorld) {
  world.store.isInstant = false;
  const client = comeFrom(world, 0, 1);
  await settled();
  world.store.settle("failed");
  await settled();
  return client;
}

describe("recovery", () => {
  it("N49 › what is older than the log is read from the store, and joins up with what came while it was read", async () => {
    const world = await createWorld(3, 5);
    world.clients[0]?.come("plain");
    await settled();
    world.store.isInstant = false;
    const clients = [comeFrom(world, 1, 1), comeFrom(world, 2, 3)];
    await settled();
    const reads = world.store.reads;
    expect(world.store.waiting).toBe(1);
    await world.publish();
    world.bus.carry(1);
    await world.publish();
    world.store.settle("read");
    await settled();
    world.bus.carry(10);
    for (const [index, client] of clients.entries()) {
      client.listen();
      expect(toldOf(client.got)).toEqual([expect.objectContaining({ isRecovered: true })]);
      expect([...pastOf(client.got), ...liveOf(client.got)]).toEqual([2, 3, 4, 5, 6, 7].slice(index * 2));
    }
    expect(world.store.reads).toBe(reads);
    world.node.close();
  });

  it("N48 › where a repeat says that its client stands, everything before has been delivered: nothing waits for more events then", async () => {
    const world = await createWorld(20);
    for (const client of world.clients) client.come("plain");
    await settled();
    for (const pauseMs of [1, 0]) {
      await world.publish();
      world.bus.carry(1);
      world.clock.advance(pauseMs);
    }
    const [client] = world.clients;
    const again = await client?.session?.subscribe({ channel: ADDRESS.channel });
    const joined = again?.ok === true ? again.value?.join() : undefined;
    client?.listen();
    expect([joined?.ok === true && textOf(joined.value), liveOf(client?.got ?? [])]).toEqual([
      world.published[1]?.position,
      [1, 2],
    ]);
    world.node.close();
  });

  it("N49 › the very first read of a channel is that of the oldest position, and serves all who wait for it", async () => {
    const world = await createWorld(3, 5);
    const clients = [comeFrom(world, 0, 4), comeFrom(world, 1, 2), comeFrom(world, 2, 5)];
    await settled();
    for (const client of clients) client.listen();
    expect(clients.map(({ got }) => pastOf(got))).toEqual([[5], [3, 4, 5], []]);
    expect(world.store.reads).toBe(1);
    world.node.close();
  });

  it("N49 › ten thousand who come back to one channel cost one read", async () => {
    const world = await createWorld(10_000, 6);
    const clients = world.clients.map((_, index) => comeFrom(world, index, 1 + (index % 6)));
    await settled();
    expect(world.store.reads).toBe(1);
    for (const client of clients) client.leave();
    for (const client of clients) client.come("recover");
    await settled();
    for (const client of clients) {
      client.listen();
      expect(client.got[0]).toMatchObject({ told: { isRecovered: true } });
      expect(pastOf(client.got)).toEqual([]);
    }
    expect(world.store.reads).toBe(1);
    expect(world.node.historyCounters.recoveries).toEqual(new Map([["recovered", 20_000]]));
    world.node.close();
  });

  it("N49 › many whose read was outrun by the channel share the next one", async () => {
    const world = await createWorld(1_001, 5);
    world.clients[0]?.come("plain");
    await settled();
    world.store.isInstant = false;
    const clients = world.clients.slice(1).map((_, index) => comeFrom(world, index + 1, 1));
    await settled();
    expect(world.store.waiting).toBe(1);
    // More than the log keeps.
    for (let count = 0; count <= LIMITS.messages; count++) await world.publish();
    world.bus.carry(LIMITS.messages + 1);
    world.store.isInstant = true;
    const { reads } = world.store;
    world.store.settle("read");
    await settled();
    expect(world.store.reads).toBe(reads + 1);
    for (const client of clients) {
      client.listen();
      expect(toldOf(client.got)).toEqual([expect.objectContaining({ isRecovered: false, reason: "too_old" })]);
    }
    world.node.close();
  });

  it("N50 › what is kept no more, another epoch, and what is no position are told apart", async () => {
    const world = await createWorld(4, LIMITS.messages + 3);
    world.clients[0]?.come("plain");
    await settled();
    const clients = [comeFrom(world, 1, 1), comeFrom(world, 2, 99)];
    const other = world.clients[3];
    other?.positions.push("another-epoch:1");
    other?.come("recover");
    await settled();
    const told = [...clients, other].map((client) => {
      client?.listen();
      return toldOf(client?.got ?? []).map(({ isRecovered, reason }) => [isRecovered, reason]);
    });
    expect(told).toEqual([[[false, "too_old"]], [[false, "malformed"]], [[false, "epoch_changed"]]]);
    world.node.close();
  });

  it("N50, N51 › while the store is away a subscribe stands, live, without a position", async () => {
    const world = await createWorld(2, 2);
    const client = await comeWhileStoreIsAway(world);
    await world.publish();
    world.bus.carry(5);
    client.listen();
    expect(toldOf(client.got)).toEqual([{ position: null, isRecovered: false, reason: "unavailable" }]);
    expect(liveOf(client.got)).toEqual([3]);

    // When it is back, clients are told that they may have missed something, and positions begin.
    world.store.isInstant = true;
    world.clock.advance(10_000);
    await settled();
    await world.publish();
    world.bus.carry(5);
    client.listen();
    expect(client.got.slice(-2)).toEqual([
      { kind: "gap", position: world.published[2]?.position },
      { kind: "live", number: 4, position: world.published[3]?.position },
    ]);
    world.node.close();
  });

  it("N50, N51 › when the store is back just as the bus was away, a quiet channel's clients are told where they stand", async () => {
    const world = await createWorld(1, 2);
    const client = await comeWhileStoreIsAway(world);
    world.clock.advance(10_000);
    await settled();
    // The read that brings the epoch is under way, so it may be from before the cut, and another one follows it.
    world.bus.reconnect();
    world.store.settle("read");
    await settled();
    world.store.settle("read");
    await settled();
    client.listen();
    expect(client.got.slice(1)).toEqual([{ kind: "gap", position: world.published[1]?.position }]);
    world.node.close();
  });

  it("N50 › who comes while the bus has just been away is told a position too, and can come back by it", async () => {
    const world = await createWorld(2, 2);
    const [first, second] = world.clients;
    first?.come("plain");
    await settled();
    world.bus.reconnect();
    second?.come("plain");
    await settled();
    second?.listen();
    expect(second?.got.map((each) => each.kind === "joined" && textOf(each.told))).toEqual([
      world.published[1]?.position,
    ]);
    second?.leave();
    world.clock.advance(10_000);
    await settled();
    await world.publish();
    world.bus.carry(1);
    second?.come("recover");
    await settled();
    second?.listen();
    expect(toldOf(second?.got ?? [])).toEqual([expect.objectContaining({ isRecovered: true })]);
    expect(pastOf(second?.got ?? [])).toEqual([3]);
    world.node.close();
  });

  it("N52 › a rewind brings the newest, in order, and no more than there are", async () => {
    const world = await createWorld(2, 2);
    for (const client of world.clients) {
      client.come("rewind");
      await settled();
      client.listen();
      expect(pastOf(client.got)).toEqual(client === world.clients[0] ? [1, 2] : [2, 3, 4]);
      await world.publish();
      await world.publish();
      world.bus.carry(5);
    }
    world.node.close();
  });
});

describe("gaps", () => {
  it("N53 › what the bus loses is fetched before anything later is delivered, by one read", async () => {
    const world = await createWorld(1, 1);
    const [client] = world.clients;
    client?.come("plain");
    await settled();
    for (let count = 0; count < 3; count++) await world.publish();
    world.bus.drop();
    world.store.isInstant = false;
    const reads = world.store.reads;
    world.bus.carry(10);
    client?.listen();
    expect(liveOf(client?.got ?? [])).toEqual([]);
    await settled();
    world.store.settle("read");
    await settled();
    client?.listen();
    expect(liveOf(client?.got ?? [])).toEqual([2, 3, 4]);
    expect(world.store.reads).toBe(reads + 1);
    expect(world.node.historyCounters).toMatchObject({ repairs: 1, gaps: 0 });
    world.node.close();
  });

  it("N53 › what has more bytes than are read at once is fetched in pieces, however many", async () => {
    const lost = 30;
    const world = await createWorld(1, 1, { messages: 100, maxPastBytes: 1 });
    const [client] = world.clients;
    client?.come("plain");
    await settled();
    for (let count = 0; count < lost; count++) await world.publish();
    for (let count = 1; count < lost; count++) world.bus.drop();
    const { reads } = world.store;
    world.bus.carry(1);
    await eventually(() => {
      client?.listen();
      expect(liveOf(client?.got ?? [])).toEqual(Array.from({ length: lost }, (_, index) => index + 2));
    });
    expect(world.store.reads).toBeGreaterThan(reads + MORE_THAN_IN_A_ROW);
    expect(world.node.historyCounters).toMatchObject({ gaps: 0 });
    world.node.close();
  });

  it("N53 › what was lost unseen on a quiet channel is brought by a sweep, one read for each channel, when the bus has a doubt", async () => {
    const world = await createWorld(2, 1);
    const [client, other] = world.clients;
    client?.come("plain");
    other?.come("plain");
    await settled();
    await world.publish();
    await world.publish();
    const reads = world.store.reads;
    world.bus.doubt();
    world.bus.doubt();
    await settled();
    expect(world.store.reads).toBe(reads);
    world.clock.advance(2000);
    await settled();
    client?.listen();
    other?.listen();
    expect([client, other].map((each) => liveOf(each?.got ?? []))).toEqual([
      [2, 3],
      [2, 3],
    ]);
    expect(world.store.reads).toBe(reads + 1);
    // A doubt while a sweep waits for the store is followed up, and none outlives the node.
    world.store.isInstant = false;
    world.bus.doubt();
    world.clock.advance(2000);
    await settled();
    world.bus.doubt();
    world.store.settle("read");
    await settled();
    world.clock.advance(2000);
    await settled();
    expect(world.store.waiting).toBe(1);
    world.store.settle("read");
    await settled();
    world.bus.doubt();
    world.node.close();
    world.clock.advance(5000);
    expect(world.store.waiting).toBe(0);
  });

  it("N53 › what can't be fetched any more is told, and what is kept goes on", async () => {
    const world = await createWorld(1, 1);
    const [client] = world.clients;
    client?.come("plain");
    await settled();
    for (let count = 0; count < 10; count++) await world.publish();
    for (let count = 0; count < 9; count++) world.bus.drop();
    world.bus.carry(1);
    await settled();
    client?.listen();
    expect(client?.got.slice(1, 2)).toEqual([{ kind: "gap", position: null }]);
    expect(liveOf(client?.got ?? [])).toEqual([6, 7, 8, 9, 10, 11]);
    world.node.close();
  });

  it("N53 › more than may be held back is fetched as well", async () => {
    const log = new ChannelLog({ messages: 5000, maxAgeMs: 60_000 });
    log.begin({ position: { epoch: "E", offset: 1 }, floor: 1 });
    const envelope = encodeEnvelope({
      id: "m",
      timeMs: START_MS,
      exclude: "",
      event: "e",
      payload: new Uint8Array([49]),
    });
    for (let offset = 3; offset < 2000; offset++) log.offer(envelope, { offset, previousOffset: offset - 1 }, START_MS);
    expect([log.firstHeld, log.newestHeld, log.isBehind]).toEqual([3, 1002, true]);
    log.fill([{ offset: 2, envelope }]);
    let linked = 0;
    while (log.takeLinked() !== null) linked++;
    expect([linked, log.last, log.isBehind]).toEqual([1000, 1002, true]);
    // The ring is bounded too, and knows what it lost.
    expect(log.size).toBe(512);
    expect([log.proves(490), log.proves(489), log.proves(1003)]).toEqual([true, false, false]);
  });
});

it("channels without history › cost no log, no read, and answer as before", async () => {
  const world = await createWorld(1);
  const { channels } = world.node.services;
  expect(channels.acquire("1001", "kept").log).toBeInstanceOf(ChannelLog);
  expect(channels.acquire("other", "kept").log).toBeNull();
  expect(world.store.reads).toBe(0);
  world.node.close();
});
