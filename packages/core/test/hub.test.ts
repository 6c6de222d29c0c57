import { Hub } from "@carillon/core";
import { encodeEnvelope } from "@carillon/protocol";
import { expect, it } from "vitest";
import { createApp, NOTHING, TestNode } from "./support/test-node.ts";

const app = createApp();

it("Hub › encodes once for each codec in use, whatever the number of subscribers", async () => {
  const test = new TestNode();
  const plain = Array.from({ length: 50 }, () => test.connect(app));
  const other = Array.from({ length: 20 }, () => test.connect(app, test.otherCodec));
  for (const { session } of [...plain, ...other]) await session.subscribe({ channel: "a" });
  for (let count = 1; count <= 3; count++) {
    await test.publish("a");
    expect([test.codec.encodings, test.otherCodec.encodings, test.topics.publishes.length]).toEqual([
      count,
      count,
      2 * count,
    ]);
  }
  for (const { texts } of plain) expect(texts).toEqual(new Array(3).fill("plain a e 1"));
  for (const { texts } of other) expect(texts).toEqual(new Array(3).fill("other a e 1"));
  expect(test.counters).toEqual(
    expect.objectContaining({ envelopesIn: 3, publicationsEncoded: 6, deliveries: 210, envelopesUnreadable: 0 }),
  );
});

it("Hub › encodes nothing for a codec whose last subscriber has left, and nothing at all for a lingering channel", async () => {
  const test = new TestNode({ lingerMs: 1000 });
  const [plain, other] = [test.connect(app), test.connect(app, test.otherCodec)];
  for (const { session } of [plain, other]) await session.subscribe({ channel: "a" });
  other.session.unsubscribe("a");
  await test.publish("a");
  expect([test.codec.encodings, test.otherCodec.encodings]).toEqual([1, 0]);
  plain.session.onClosed();
  await test.publish("a");
  expect([test.codec.encodings, test.counters.envelopesIn, test.services.channels.lingering]).toEqual([1, 2, 1]);
});

it("Hub › receipts are wanted of those whose protocol can give them, and all are told how many they are", async () => {
  const test = new TestNode();
  test.otherCodec.isConfirming = false;
  const wanted: unknown[] = [];
  const hub = new Hub({
    topics: test.topics,
    codecs: [test.codec, test.otherCodec],
    connections: test.services.connections,
    counters: test.counters,
    clock: test.clock,
    coalesceMs: 0,
    onReceiptWanted: (_channel, messageId, connections) => wanted.push([messageId, connections]),
  });
  const channel = test.services.channels.acquire("1001", "a");
  const connections = [test.codec, test.codec, test.otherCodec].map((codec) => test.connect(app, codec));
  for (const { session } of connections) hub.join(session, channel);
  const payload = new TextEncoder().encode("1");
  const envelope = { id: "m", timeMs: 1, exclude: "", event: "e", payload };
  hub.deliver(channel, encodeEnvelope({ ...envelope, wantsReceipt: true }));
  hub.deliver(channel, encodeEnvelope(envelope));
  expect([wanted, channel.subscribers]).toEqual([[["m", 2]], 3]);
  hub.announceCount(channel, 7);
  expect(connections.map(({ texts }) => texts.at(-1))).toEqual([
    "plain a count 7",
    "plain a count 7",
    "other a count 7",
  ]);
});

it("Hub › hands what was published to the subscribers of that channel and app only", async () => {
  const test = new TestNode();
  const [one, same, other] = [test.connect(app), test.connect(app), test.connect(createApp({ id: "1001:a" }))];
  await one.session.subscribe({ channel: "a" });
  await same.session.subscribe({ channel: "b" });
  await other.session.subscribe({ channel: "a" });
  await test.publish("a");
  expect([one.texts, same.texts, other.texts]).toEqual([["plain a e 1"], [], []]);
});

it("Hub › leaves out the one connection that is to be excluded, without a loop", async () => {
  const test = new TestNode();
  const connections = [test.connect(app), test.connect(app), test.connect(app, test.otherCodec)];
  for (const { session } of connections) await session.subscribe({ channel: "a" });
  const [excluded, stays, otherForm] = connections;
  await test.publish("a", { exclude: excluded?.session.connectionId ?? "" });
  expect([excluded?.texts, stays?.texts, otherForm?.texts]).toEqual([[], ["plain a e 1"], ["other a e 1"]]);
  expect([test.topics.publishes.length, test.counters.deliveries]).toEqual([2, 2]);
});

it("Hub › everybody gets what excludes a connection that is elsewhere, gone, or not on the channel", async () => {
  const test = new TestNode();
  const [here, otherChannel, otherApp, gone] = [
    test.connect(app),
    test.connect(app),
    test.connect(createApp({ id: "1002" })),
    test.connect(app),
  ];
  await here.session.subscribe({ channel: "a" });
  await otherChannel.session.subscribe({ channel: "b" });
  await otherApp.session.subscribe({ channel: "a" });
  await gone.session.subscribe({ channel: "a" });
  gone.session.onClosed();
  gone.transport.terminate();
  const ids = [otherChannel, otherApp, gone].map(({ session }) => session.connectionId);
  for (const exclude of [...ids, "8.1", "7.", "7.1e0", "7. 1", "7.01", "x"]) await test.publish("a", { exclude });
  expect(here.texts).toHaveLength(9);
});

it("Hub › a connection that is just closing takes nobody's event with it", async () => {
  const test = new TestNode();
  const [closing, stays] = [test.connect(app), test.connect(app)];
  for (const { session } of [closing, stays]) await session.subscribe({ channel: "a" });
  // Its transport has closed, and the session has not been told yet.
  closing.transport.terminate();
  await test.publish("a", { exclude: closing.session.connectionId });
  expect([closing.texts, stays.texts]).toEqual([[], ["plain a e 1"]]);
});

it("Hub › a connection whose subscription still waits is not excluded from others, and hears nothing", async () => {
  const test = new TestNode();
  const [stands, waits] = [test.connect(app), test.connect(app)];
  await stands.session.subscribe({ channel: "a" });
  test.bus.isSlow = true;
  const waiting = waits.session.subscribe({ channel: "b" });
  await test.publish("a", { exclude: waits.session.connectionId });
  expect(stands.texts).toEqual(["plain a e 1"]);
  test.bus.settle("stands");
  await waiting;
});

it("Hub › counts and drops envelopes that it can't read", async () => {
  const test = new TestNode();
  const { session, texts } = test.connect(app);
  await session.subscribe({ channel: "a" });
  for (const bytes of [new Uint8Array(), new Uint8Array([1, 2, 3]), new Uint8Array(20).fill(9)]) {
    await test.bus.publish({ appId: "1001", channel: "a" }, bytes);
  }
  await test.publish("a");
  expect(texts).toEqual(["plain a e 1"]);
  expect(test.counters).toEqual(expect.objectContaining({ envelopesIn: 4, envelopesUnreadable: 3, deliveries: 1 }));
});

it("Hub › a codec that throws harms neither the other codec's clients nor the next event", async () => {
  const test = new TestNode();
  const [plain, other] = [test.connect(app), test.connect(app, test.otherCodec)];
  for (const { session } of [plain, other]) await session.subscribe({ channel: "a" });
  test.codec.isBroken = true;
  await test.publish("a");
  expect([plain.texts, other.texts]).toEqual([[], ["other a e 1"]]);
  expect(test.counters).toEqual(
    expect.objectContaining({ envelopesUnreadable: 1, publicationsEncoded: 1, deliveries: 1 }),
  );
  test.codec.isBroken = false;
  await test.publish("a");
  expect(plain.texts).toEqual(["plain a e 1"]);
});

it("Node › refuses sessions of a disabled app, and beyond the app's own limit", () => {
  const test = new TestNode();
  expect(() => test.connect(createApp({ enabled: false }))).toThrow("app_disabled");
  const limited = createApp({ id: "1002", limits: { connections: 2 } });
  const first = test.connect(limited);
  test.connect(limited);
  expect(() => test.connect(limited)).toThrow("connection_limit");
  expect(() => test.connect(app)).not.toThrow();
  first.session.onClosed();
  expect(() => test.connect(limited)).not.toThrow();
  expect(test.counters.connectionsOpened).toBe(4);
});

it("Node › ends the sessions of apps that are no longer served, and no others", () => {
  const test = new TestNode();
  const [kept, removed] = [test.connect(app), test.connect(createApp({ id: "1002" }))];
  test.node.endUnserved((each) => each.id === "1001");
  expect([kept.closings, removed.closings]).toEqual([[], ["app_disabled"]]);
});

it("Node › holds nothing after everybody has left and it was closed", async () => {
  const test = new TestNode({ lingerMs: 1000 });
  const connections = Array.from({ length: 20 }, () => test.connect(app));
  for (const [index, { session }] of connections.entries()) {
    for (const channel of ["shared", `own-${index}`]) await session.subscribe({ channel });
  }
  for (const { session, transport } of connections) {
    transport.terminate();
    session.onClosed();
  }
  expect(test.leftovers()).toEqual({ ...NOTHING, channels: 21, lingering: 21, held: 21 });
  test.node.close();
  expect([test.leftovers(), test.clock.pendingTimers]).toEqual([NOTHING, 0]);
});

it("Node › nodes on one backbone hear each other's events, and exclude a connection wherever it is", async () => {
  const here = new TestNode();
  const there = new TestNode({ beside: here });
  const settings = createApp({ clientEvents: { enabled: true } });
  const [sender, near, far] = [here.connect(settings), here.connect(settings), there.connect(settings)];
  const nodes = [here, here, there];
  for (const [index, { session }] of [sender, near, far].entries()) {
    const token = nodes[index]?.authorizer.tokenFor(session.connectionId, "private-a") ?? "";
    await session.subscribe({ channel: "private-a", token });
  }
  const payload = new TextEncoder().encode("1");
  await sender.session.publish({ channel: "private-a", event: "client-e", payload, isEchoed: false });
  const event = ["plain private-a client-e 1"];
  expect([sender.texts, near.texts, far.texts]).toEqual([[], event, event]);
  expect(sender.session.connectionId.split(".")[0]).not.toBe(far.session.connectionId.split(".")[0]);
});

it("Node › reports a refusal of the bus once, however many wait for it", async () => {
  const test = new TestNode();
  test.bus.isSlow = true;
  const connections = Array.from({ length: 10 }, () => test.connect(app));
  const answers = connections.map(({ session }) => session.subscribe({ channel: "a" }));
  test.bus.settle("refused");
  for (const answer of await Promise.all(answers))
    expect(answer).toEqual(expect.objectContaining({ code: "bus_unavailable" }));
  expect(test.failures).toHaveLength(1);
});
