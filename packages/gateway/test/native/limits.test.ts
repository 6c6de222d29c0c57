import { MemoryBackbone, MemoryBus, MemoryClusterBackbone, MemoryClusterLink } from "@carillon/core";
import { CLOSE_CODES } from "@carillon/protocol";
import { systemClock } from "@carillon/service";
import { eventually, NativeClient } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, test } from "vitest";

describe("limits", () => {
  test("channels of a connection: the one over the limit is refused, and there is room again after an unsubscribe", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { channelsPerConnection: 2 } })] });
    await using client = await NativeClient.open(gateway.webSocketUrl);
    await client.subscribe("a");
    await client.subscribe("b");
    await client.subscribe("b");
    expect(await client.request({ type: "subscribe", channel: "c" })).toMatchObject({ code: "channel_limit" });
    await client.request({ type: "unsubscribe", channel: "a" });
    await client.subscribe("c");
  });

  test("connections of an app: told the reason, closed for good; a place that becomes free is given again", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { connections: 1 } })] });
    const first = await NativeClient.open(gateway.webSocketUrl);
    const second = await NativeClient.connect(gateway.webSocketUrl);
    expect(await second.closed).toEqual(CLOSE_CODES.connection_limit);
    await first.close();
    await eventually(() => expect(gateway.gateway.connections).toBe(0));
    await using third = await NativeClient.open(gateway.webSocketUrl);
    expect(third.frames).toHaveLength(1);
  });

  test("N65 › connections of a user, by its token: one over it is told the reason, over both gateways, and may come back", async () => {
    const [backbone, cluster] = [new MemoryBackbone({ clock: systemClock }), new MemoryClusterBackbone()];
    const apps = [testApp({ limits: { connectionsPerUser: 2 } })];
    const start = () =>
      TestGateway.start({ apps, bus: new MemoryBus(backbone), clusterLink: new MemoryClusterLink(cluster) });
    await using first = await start();
    await using second = await start();
    const token = await first.connectionToken({ sub: "ann", capabilities: {}, ttlSeconds: 60 });
    const connect = (gateway: TestGateway, shown = `?token=${token}`) =>
      NativeClient.connect(gateway.webSocketUrl + shown);
    const clients = [await connect(first), await connect(first)];
    for (const client of clients) await client.nextFrame(({ type }) => type === "welcome");
    const third = await connect(first);
    expect(await third.closed).toEqual(CLOSE_CODES.user_connection_limit);
    expect(third.frames).toEqual([{ type: "error", code: "user_connection_limit", message: expect.any(String) }]);
    // The other gateway has to be told of them first.
    const elsewhere = await connect(second);
    expect(await elsewhere.closed).toEqual(CLOSE_CODES.user_connection_limit);
    const guest = await connect(second, "");
    guest.send({ type: "refresh", token });
    expect(await guest.closed).toEqual(CLOSE_CODES.user_connection_limit);
    // A newer token of a connection that counts already counts no further.
    expect(await clients[0]?.request({ type: "refresh", token })).toMatchObject({ type: "refreshed" });
    await clients[1]?.close();
    await eventually(async () => {
      await using again = await connect(first);
      await again.nextFrame(({ type }) => type === "welcome");
    });
    clients[0]?.terminate();
  });

  test("connections of the node: 503 with Retry-After beyond, and those inside go on", async () => {
    await using gateway = await TestGateway.start({ settings: { maxConnections: 3 } });
    const clients = await Promise.all([1, 2, 3].map(() => NativeClient.open(gateway.webSocketUrl)));
    expect(gateway.gateway.hasRoom).toBe(false);
    for (let attempt = 0; attempt < 20; attempt++) {
      await expect(NativeClient.connect(gateway.webSocketUrl)).rejects.toThrow("503");
    }
    expect(gateway.counters.upgradesRefused.get("capacity")).toBe(20);
    expect(await clients[0]?.request({ type: "ping" })).toMatchObject({ type: "pong" });
    clients[1]?.terminate();
    await eventually(() => expect(gateway.gateway.hasRoom).toBe(true));
    const another = await NativeClient.open(gateway.webSocketUrl);
    for (const client of [...clients, another]) client.terminate();
  });

  test("commands per second: those beyond are refused by name, and a flood ends the connection", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { commandsPerSecond: 5 } })] });
    await using patient = await NativeClient.open(gateway.webSocketUrl);
    await using flooding = await NativeClient.open(gateway.webSocketUrl);
    for (let index = 0; index < 10_000; index++) flooding.send({ type: "subscribe", channel: `c-${index}` });
    expect((await flooding.closed).code).toBe(CLOSE_CODES.rate_limited.code);
    expect(flooding.frames.filter((frame) => frame["type"] === "subscribed").length).toBeLessThanOrEqual(20);
    expect(flooding.frames).toContainEqual(expect.objectContaining({ type: "error", code: "rate_limited" }));
    expect(await patient.request({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  test("a frame over the limit is refused with both sizes; one far over it cuts the connection, and only that one", async () => {
    await using gateway = await TestGateway.start({ settings: { maxFrameBytes: 1000 } });
    await using client = await NativeClient.open(gateway.webSocketUrl);
    client.send({ type: "ping", filler: "x".repeat(1500) });
    const refusal = await client.nextFrame((frame) => frame["type"] === "error");
    expect(refusal).toMatchObject({ code: "message_too_large", message: expect.stringMatching(/15\d\d.*1000/) });
    await using heavy = await NativeClient.open(gateway.webSocketUrl);
    heavy.send({ type: "ping", filler: "x".repeat(10_000) });
    expect((await heavy.closed).code).toBe(1006);
    expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  test("a slow consumer is cut at its bound; the others get everything, in order, and the node's memory stays flat", async () => {
    await using gateway = await TestGateway.start({ settings: { maxBackpressureBytes: 100_000 } });
    await using slow = await NativeClient.open(gateway.webSocketUrl);
    await using quick = await NativeClient.open(gateway.webSocketUrl);
    for (const client of [slow, quick]) await client.subscribe("firehose");
    slow.pause();
    const filler = "x".repeat(8000);
    let sent = 0;
    while (gateway.counters.slowConsumers === 0 && sent < 10_000) {
      for (let burst = 0; burst < 50; burst++) await gateway.publish("firehose", "drop", [sent++, filler]);
      await quick.events(sent);
    }
    expect(gateway.counters.slowConsumers).toBe(1);
    const order = (await quick.events(sent)).map((event) => (event.payload as [number, string])[0]);
    expect(order).toEqual(Array.from({ length: sent }, (_, index) => index));
    await eventually(() => expect(gateway.gateway.connections).toBe(1));
    slow.resume();
    expect((await slow.closed).code).toBe(1006);
    // What it did get has no hole: it was cut, not thinned out.
    const got = slow.deliveries.map((event) => (event.payload as [number, string])[0]);
    expect(got).toEqual(Array.from({ length: got.length }, (_, index) => index));
  });
});

describe("broken frames", () => {
  test.each([
    ["no JSON", "{", "invalid_json"],
    ["not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), "invalid_json"],
    ["no object", "[1]", "invalid_frame"],
    ["no type", "{}", "missing_field"],
    ["an unknown type", '{"type":"shout"}', "invalid_frame"],
    ["an unfit id", '{"type":"ping","id":{}}', "invalid_field"],
    ["no channel", '{"type":"subscribe"}', "missing_field"],
    ["an unfit channel", '{"type":"subscribe","channel":"a b"}', "invalid_channel"],
    ["no channels", '{"type":"subscribe","channels":[]}', "invalid_field"],
    ["a token that is no text", '{"type":"subscribe","channel":"a","token":1}', "invalid_field"],
  ])("%s: refused by code, and the connection lives on", async (_, raw, code) => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.open(gateway.webSocketUrl);
    client.sendRaw(raw);
    expect(await client.nextFrame((frame) => frame["type"] === "error")).toMatchObject({
      code,
      message: expect.any(String),
    });
    expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  test("a hundred in a row end the connection; good ones in between don't", async () => {
    await using gateway = await TestGateway.start();
    await using mixed = await NativeClient.open(gateway.webSocketUrl);
    await using hostile = await NativeClient.open(gateway.webSocketUrl);
    for (let index = 0; index < 300; index++) mixed.sendRaw(index % 50 === 49 ? '{"type":"ping"}' : "{");
    for (let index = 0; index < 300; index++) hostile.sendRaw("{");
    expect((await hostile.closed).code).toBe(CLOSE_CODES.protocol_violation.code);
    expect(await mixed.request({ type: "ping" })).toMatchObject({ type: "pong" });
  });
});

describe("broken frames under a limit", () => {
  test("count like commands: a stream of them with a good one now and then is cut as too fast", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { commandsPerSecond: 5 } })] });
    await using hostile = await NativeClient.open(gateway.webSocketUrl);
    for (let index = 0; index < 5000; index++) hostile.sendRaw(index % 99 === 98 ? '{"type":"ping"}' : "{");
    expect((await hostile.closed).code).toBe(CLOSE_CODES.rate_limited.code);
  });

  test("a frame with many channels of which none was allowed counts as a refusal", async () => {
    await using gateway = await TestGateway.start();
    await using hostile = await NativeClient.open(gateway.webSocketUrl);
    for (let index = 0; index < 100; index++) hostile.send({ type: "subscribe", channels: ["private-a", "private-b"] });
    expect((await hostile.closed).code).toBe(CLOSE_CODES.protocol_violation.code);
  });
});

describe("drain", () => {
  test("every client is told to come back, each after a delay of its own, over the window; newcomers get 503", async () => {
    await using gateway = await TestGateway.start();
    const clients = await Promise.all(Array.from({ length: 40 }, () => NativeClient.open(gateway.webSocketUrl)));
    const late = gateway.gateway.drain(500);
    await expect(NativeClient.connect(gateway.webSocketUrl)).rejects.toThrow();
    const closures = await Promise.all(clients.map((client) => client.closed));
    await late;
    for (const closure of closures) expect(closure).toEqual(CLOSE_CODES.drain);
    const hints = clients.map((client) => client.frames.at(-1));
    for (const hint of hints) expect(hint).toMatchObject({ type: "reconnect", delayMs: expect.any(Number) });
    expect(new Set(hints.map((hint) => hint?.["delayMs"])).size).toBeGreaterThan(10);
    expect(gateway.gateway.connections).toBe(0);
  });
});
