import { HistoryUnavailableError } from "@carillon/core";
import { eventually, NatsServer } from "@carillon/testkit";
import { connect, headers } from "nats";
import { describe, expect, it } from "vitest";
import { connectNatsBus, type NatsHistorySettings } from "../src/index.ts";
import { bytes, listen } from "./support/helpers.ts";
import { append, read, streams, texts } from "./support/history.ts";
import type { RecordingLog } from "./support/recording-log.ts";

const ADDRESS = { appId: "app", channel: "c" };

/** One channel for each of so many that all streams get some. */
const CHANNELS = Array.from({ length: 40 }, (_, index) => ({ appId: "app", channel: `channel-${index}` }));

function busOn(server: NatsServer, history: NatsHistorySettings = {}, log?: RecordingLog) {
  return connectNatsBus({ servers: [server.url], history, ...(log === undefined ? {} : { log }) });
}

describe("history › streams", () => {
  it("no JetStream › appends and reads are told at once what to do; the bus goes on", async () => {
    await using server = await NatsServer.start();
    const bus = await busOn(server);
    const receiver = await listen(bus, "app", "c");
    expect(bus.history.isAvailable).toBe(true);
    for (const refused of [append(bus, ADDRESS, "x"), read(bus, ADDRESS)]) {
      await expect(refused).rejects.toBeInstanceOf(HistoryUnavailableError);
      await expect(refused).rejects.toThrow(/history need JetStream.*add "jetstream \{\}" to the configuration/);
    }
    expect(bus.history.isAvailable).toBe(false);
    await bus.publish(receiver, bytes("plain"));
    await eventually(() => expect(receiver.texts).toEqual(["plain"]));
    await bus.close();
  });

  it("creation › many nodes at once make each stream once and agree on the epochs", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const nodes = await Promise.all(Array.from({ length: 8 }, () => busOn(server)));
    const results = await Promise.all(
      nodes.flatMap((node, index) => CHANNELS.map((channel) => append(node, channel, `${index}`))),
    );
    expect(results.filter(({ isDuplicate }) => isDuplicate)).toEqual([]);
    const found = await streams(server);
    expect([...found.keys()].sort()).toEqual([0, 1, 2, 3].map((index) => `CARILLON_HIST_${index}`));
    const partitions = [...found.values()].flatMap(({ config }) => config.subjects ?? []);
    expect(new Set(partitions).size).toBe(256 + 4);
    for (const [index, channel] of CHANNELS.entries()) {
      const epochs = results.filter((_, at) => at % CHANNELS.length === index).map(({ position }) => position.epoch);
      expect(new Set(epochs)).toEqual(new Set([(await read(nodes[0] as never, channel)).head.epoch]));
    }
    expect(new Set(results.map(({ position }) => position.epoch)).size).toBe(4);
    await Promise.all(nodes.map((node) => node.close()));
  });

  it("creation › nothing is made before history is used", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await busOn(server);
    const receiver = await listen(bus, "app", "c");
    await bus.publish(receiver, bytes("plain"), { idempotencyKey: "k" });
    expect((await streams(server)).size).toBe(0);
    await bus.close();
  });

  it("limits › are taken over by a newer node, up and down, and what is kept stays where the limits allow", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const first = await busOn(server, { streams: 1, maxMessagesPerChannel: 5, maxAgeMs: 600_000 });
    for (const text of ["a", "b", "c"]) await append(first, ADDRESS, text);
    const raised = await busOn(server, {
      streams: 1,
      maxMessagesPerChannel: 9,
      maxAgeMs: 900_000,
      maxBytesPerStream: 1e6,
    });
    expect(await texts(raised, ADDRESS)).toEqual(["a", "b", "c"]);
    expect((await streams(server)).get("CARILLON_HIST_0")?.config).toMatchObject({
      max_msgs_per_subject: 10,
      max_age: 910_000e6,
      max_bytes: 1e6,
      storage: "file",
      duplicate_window: 120e9,
    });
    const lowered = await busOn(server, { streams: 1, maxMessagesPerChannel: 1 });
    expect(await texts(lowered, ADDRESS)).toEqual(["b", "c"]);
    // The node with the old settings goes on, and doesn't undo it.
    await append(first, ADDRESS, "d");
    expect((await streams(server)).get("CARILLON_HIST_0")?.config.max_msgs_per_subject).toBe(2);
    await Promise.all([first, raised, lowered].map((node) => node.close()));
  });

  it.each([
    [4, 8],
    [8, 4],
    [1, 32],
    [32, 1],
    [3, 4],
  ])("number › %i streams found and %i wanted is refused with what to do, and loses nothing", async (found, wanted) => {
    await using server = await NatsServer.start({ jetStream: true });
    const before = await busOn(server, { streams: found });
    for (const channel of CHANNELS) await append(before, channel, "kept");
    const made = (await streams(server)).size;
    const after = await busOn(server, { streams: wanted });
    for (const channel of CHANNELS) {
      await expect(append(after, channel, "lost?")).rejects.toThrow(/set history's number of streams to what was used/);
      expect(await texts(before, channel)).toEqual(["kept"]);
    }
    await expect(read(after, ADDRESS)).rejects.toBeInstanceOf(HistoryUnavailableError);
    expect((await streams(server)).size).toBe(made);
    await Promise.all([before.close(), after.close()]);
  });

  it("foreign stream › one of the same name that isn't Carillon's is left alone", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const client = await connect({ servers: [server.url] });
    const manager = await client.jetstreamManager();
    await manager.streams.add({ name: "CARILLON_HIST_0", subjects: ["orders.>", "more.>"] });
    const bus = await busOn(server, { streams: 1 });
    await expect(append(bus, ADDRESS, "x")).rejects.toThrow(
      /CARILLON_HIST_0 can't be used.*choose another nats\.prefix/,
    );
    expect((await manager.streams.info("CARILLON_HIST_0")).config.subjects).toEqual(["orders.>", "more.>"]);
    await Promise.all([bus.close(), client.close()]);
  });

  it("replicas › more than there are servers is told at once", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await busOn(server, { replicas: 3 });
    await expect(append(bus, ADDRESS, "x")).rejects.toThrow(/JetStream refused the stream for history: replicas > 1/);
    await bus.close();
  });

  it("settings › what can't work is refused before anything is connected", async () => {
    const wrong: NatsHistorySettings[] = [
      { streams: 0 },
      { streams: 33 },
      { streams: 1.5 },
      { replicas: 2 as 3 },
      { maxMessagesPerChannel: 0 },
      { maxAgeMs: Number.NaN },
    ];
    for (const history of wrong) {
      await expect(connectNatsBus({ servers: ["nats://127.0.0.1:1"], history })).rejects.toBeInstanceOf(TypeError);
    }
  });

  it("age › publications go, and the marker with the epoch stays", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await busOn(server, { streams: 1, maxAgeMs: 1_000, duplicateWindowMs: 1_000 });
    const { position } = await append(bus, ADDRESS, "x");
    expect(await texts(bus, ADDRESS)).toEqual(["x"]);
    await eventually(async () => expect(await texts(bus, ADDRESS)).toEqual([]), { intervalMs: 200 });
    // Written anew from time to time, the marker itself goes by its age as well.
    const { state, config } = (await streams(server)).get("CARILLON_HIST_0") ?? {};
    expect(state?.messages).toBeLessThan(config?.max_msgs_per_subject ?? 0);
    const page = await read(bus, ADDRESS, { since: position });
    expect(page).toMatchObject({
      publications: [],
      isReachable: false,
      head: { epoch: position.epoch, emptyAtMs: expect.any(Number) },
    });
    const again = await append(bus, ADDRESS, "y");
    expect(again.position.epoch).toBe(position.epoch);
    expect(again.position.offset).toBeGreaterThan(position.offset);
    await bus.close();
  });

  it("age › the epoch outlives a restart of NATS, which drops whatever is older than the stream keeps things", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await busOn(server, { streams: 1, maxAgeMs: 3_000, duplicateWindowMs: 1_000 });
    const { position } = await append(bus, ADDRESS, "old");
    await eventually(async () => expect(await texts(bus, ADDRESS)).toEqual([]), { timeoutMs: 20_000 });
    await append(bus, ADDRESS, "young");
    await server.kill();
    await eventually(() => expect(bus.status).toBe("disconnected"));
    await server.restart();
    await eventually(() => expect(bus.status).toBe("connected"));
    const page = await read(bus, ADDRESS);
    expect(page.publications).toHaveLength(1);
    expect(page.head.epoch).toBe(position.epoch);
    await bus.close();
  }, 40_000);

  it("bytes › the marker outlives the oldest publications", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await busOn(server, { streams: 1, maxMessagesPerChannel: 1000, maxBytesPerStream: 100_000 });
    const { position } = await append(bus, ADDRESS, "first");
    for (let index = 0; index < 300; index++) await append(bus, ADDRESS, `${index}-${"x".repeat(1000)}`);
    const info = (await streams(server)).get("CARILLON_HIST_0");
    expect(info?.state.first_seq).toBeGreaterThan(position.offset);
    const other = await busOn(server, { streams: 1, maxMessagesPerChannel: 1000, maxBytesPerStream: 100_000 });
    const page = await read(other, ADDRESS, { since: position });
    expect(page.head.epoch).toBe(position.epoch);
    expect(page.isReachable).toBe(false);
    await Promise.all([bus.close(), other.close()]);
  });

  it("bytes › the marker outlives the oldest publications also where many nodes append a little each", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const settings = { streams: 1, maxMessagesPerChannel: 1000, maxBytesPerStream: 100_000 };
    const nodes = await Promise.all(Array.from({ length: 20 }, () => busOn(server, settings)));
    const positions = [];
    for (let round = 0; round < 40; round++) {
      const appended = nodes.map((node, index) => append(node, ADDRESS, `${round}-${index}`));
      positions.push(...(await Promise.all(appended)).map(({ position }) => position));
    }
    const info = (await streams(server)).get("CARILLON_HIST_0");
    expect(info?.state.first_seq).toBeGreaterThan(positions[0]?.offset ?? 0);
    expect(new Set(positions.map(({ epoch }) => epoch)).size).toBe(1);
    const other = await busOn(server, settings);
    expect((await read(other, ADDRESS)).head.epoch).toBe(positions[0]?.epoch);
    await Promise.all([...nodes, other].map((node) => node.close()));
  }, 40_000);

  it("foreign headers › what other streams pass on has no stamp", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await busOn(server);
    const stamps: unknown[] = [];
    await bus.subscribe({ ...ADDRESS, receive: (_, stamp) => void stamps.push(stamp) });
    await bus.publish(ADDRESS, bytes("keyed"), { idempotencyKey: "k" });
    const client = await connect({ servers: [server.url] });
    const own = headers();
    own.set("Nats-Stream", "CARILLON_ONCE");
    own.set("Nats-Sequence", "7");
    own.set("Nats-Last-Sequence", "6");
    const [subject] = await eventually(async () => {
      const { connections } = await server.monitor<{ connections: { subscriptions_list?: string[] }[] }>(
        "/connz?subs=1",
      );
      const found = connections.flatMap((each) => each.subscriptions_list ?? []);
      return found.filter((each) => each.startsWith("carillon.pub."));
    });
    client.publish(subject as string, bytes("spoofed"), { headers: own });
    const { position } = await append(bus, ADDRESS, "kept");
    await eventually(() => expect(stamps).toHaveLength(3));
    expect(stamps.filter((stamp) => stamp !== undefined)).toEqual([{ offset: position.offset, previousOffset: 0 }]);
    await Promise.all([bus.close(), client.close()]);
  });
});
