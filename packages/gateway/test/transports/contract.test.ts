import { CLOSE_CODES } from "@carillon/protocol";
import { eventually } from "@carillon/testkit";
import { historyRules, TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, test } from "vitest";
import { connect, open, TRANSPORTS } from "./support/transports.ts";

const rules = historyRules("kept");
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe.each(TRANSPORTS)("a connection by %s", (transport) => {
  test("N11 › is welcomed, and counted as what it is", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(transport, gateway);
    expect(client.frames).toEqual([
      {
        type: "welcome",
        connectionId: expect.stringMatching(/^\d+\.\d+$/),
        version: 1,
        idleTimeoutMs: 60_000,
        maxFrameBytes: 65_536,
      },
    ]);
    expect(gateway.gateway.connections).toBe(1);
    expect(gateway.gateway.connectionsByTransport.get(transport)).toBe(1);
    expect(gateway.counters.connectionsOpened).toBe(1);
  });

  test("N12, N18, N31 › subscribes, gets events in order and byte for byte, and none after it has unsubscribed", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(transport, gateway);
    await client.subscribe("news");
    for (const number of upTo(200)) await gateway.publish("news", "tick", number);
    const events = await client.events(200);
    expect(events.map(({ payload }) => payload)).toEqual(upTo(200));
    await gateway.publish("news", "pretty", null, { raw: '{\n  "a": [1,\r\n 2.0]\r}' });
    expect((await client.events(201))[200]?.payload).toEqual({ a: [1, 2] });
    await client.request({ type: "unsubscribe", channel: "news" });
    await gateway.publish("news", "tick", 202);
    expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(client.deliveries).toHaveLength(201);
  });

  test("N19, N20, N23, N62 › publishes to the others and not to itself, by id or by the name it has", async () => {
    await using gateway = await TestGateway.start({
      apps: [testApp({ clientEvents: { enabled: true, perSecond: 0 } })],
    });
    const [first, second, other] = await Promise.all([
      open(transport, gateway, { query: "sender=abcdefgh" }),
      open(transport, gateway, { query: "sender=abcdefgh" }),
      open(transport === "websocket" ? "sse" : "websocket", gateway),
    ]);
    for (const client of [first, second, other]) {
      await client.subscribe("private-a", { token: gateway.channelToken(client.connectionId, "private-a") });
    }
    const published = await first.request({
      type: "publish",
      channel: "private-a",
      event: "client-hi",
      payload: { a: 1 },
    });
    expect(published).toMatchObject({ type: "published", messageId: expect.any(String) });
    await gateway.publish("private-a", "excluded", 1, { exclude: other.connectionId });
    await gateway.publish("private-a", "all", 2);
    for (const client of [first, second]) {
      await eventually(() => expect(client.deliveries.map(({ event }) => event)).toEqual(["excluded", "all"]));
    }
    await eventually(() => expect(other.deliveries.map(({ event }) => event)).toEqual(["client-hi", "all"]));
    for (const client of [first, second, other]) client.terminate();
  });

  test("N17 › a guarded channel wants a token that fits the connection", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(transport, gateway);
    expect(await client.request({ type: "subscribe", channel: "private-a" })).toMatchObject({ code: "token_required" });
    const foreign = gateway.channelToken("1.1", "private-a");
    const refused = await client.request({ type: "subscribe", channel: "private-a", token: foreign });
    expect(refused).toMatchObject({ type: "error", code: "forbidden", channel: "private-a" });
    await client.subscribe("private-a", { token: gateway.channelToken(client.connectionId, "private-a") });
  });

  test("N56 › presence: both are told of each other, and a client that goes is gone after its grace", async () => {
    await using gateway = await TestGateway.start({
      settings: { presenceGraceMs: 50, fallback: { keepMs: 1000, bufferBytes: 65_536, maxRelayed: 10 } },
    });
    await using ann = await open(transport, gateway);
    const bob = await open(transport, gateway);
    for (const [client, id] of [
      [ann, "ann"],
      [bob, "bob"],
    ] as const) {
      const data = JSON.stringify({ user_id: id });
      const token = gateway.channelToken(client.connectionId, "presence-room", data);
      await client.subscribe("presence-room", { token, data });
    }
    await ann.nextFrame((frame) => frame["type"] === "presence" && frame["count"] === 2);
    await bob.close();
    await ann.nextFrame((frame) => frame["type"] === "presence" && frame["count"] === 1);
  });

  test("N49 › recovers what it missed on a new connection, in order, before anything live", async () => {
    await using gateway = await TestGateway.start({ rules });
    const client = await open(transport, gateway);
    await client.subscribe("kept");
    for (const number of upTo(3)) await gateway.publish("kept", "tick", number);
    const seen = await client.events(3);
    client.terminate();
    for (const number of [4, 5, 6]) await gateway.publish("kept", "tick", number);
    await using again = await open(transport, gateway);
    const recover = seen[2]?.position;
    expect(await again.request({ type: "subscribe", channel: "kept", recover })).toMatchObject({ recovered: true });
    await gateway.publish("kept", "tick", 7);
    expect((await again.events(4)).map(({ payload }) => payload)).toEqual([4, 5, 6, 7]);
  });

  test("N5, N24 › tokens: one in the URL is checked before the welcome, and can be replaced; a wrong one ends it", async () => {
    await using gateway = await TestGateway.start();
    const token = await gateway.connectionToken({ sub: "ann", capabilities: {}, ttlSeconds: 60 });
    await using client = await open(transport, gateway, { query: `token=${token}` });
    expect(client.frames[0]).toMatchObject({ type: "welcome", expiresAt: expect.any(Number) });
    const wider = await gateway.connectionToken({
      sub: "ann",
      capabilities: { "private-*": ["subscribe"] },
      ttlSeconds: 60,
    });
    expect(await client.request({ type: "refresh", token: wider })).toMatchObject({ type: "refreshed" });
    await client.subscribe("private-a");
    const wrong = await connect(transport, gateway, { query: "token=nonsense" });
    expect(await wrong.closed).toEqual(CLOSE_CODES.unauthorized);
    expect(wrong.frames).toEqual([{ type: "error", code: "token_invalid", message: expect.any(String) }]);
  });

  test("N26 › a token that expires ends it with 4101, and it is told why", async () => {
    await using gateway = await TestGateway.start();
    const token = await gateway.connectionToken({ sub: "ann", capabilities: {}, ttlSeconds: 2 });
    const client = await open(transport, gateway, { query: `token=${token}` });
    expect(await client.closed).toEqual(CLOSE_CODES.token_expired);
    expect(client.frames.at(-1)).toMatchObject({ type: "error", code: "token_expired" });
    await eventually(() => expect(gateway.gateway.connections).toBe(0));
    expect(gateway.counters.connectionsClosed.get(4101)).toBe(1);
  });

  test("N2, N4, N5 › unknown keys, foreign origins and full apps end with the same codes", async () => {
    await using gateway = await TestGateway.start({
      apps: [testApp({ allowedOrigins: ["https://example.com"], limits: { connections: 1 } })],
    });
    const unknown = await connect(transport, gateway, { query: "key=nobody" });
    expect(await unknown.closed).toEqual(CLOSE_CODES.app_unknown);
    expect(unknown.frames).toEqual([{ type: "error", code: "app_unknown", message: expect.any(String) }]);
    const foreign = await connect(transport, gateway, { origin: "https://elsewhere.example" });
    expect(await foreign.closed).toEqual(CLOSE_CODES.origin_refused);
    await using first = await open(transport, gateway, { origin: "https://example.com" });
    const second = await connect(transport, gateway, { origin: "https://example.com" });
    expect(await second.closed).toEqual(CLOSE_CODES.connection_limit);
    expect(await first.request({ type: "ping" })).toMatchObject({ type: "pong" });
    await first.close();
    await eventually(() => expect(gateway.gateway.connections).toBe(0));
  });

  test("N35, N36 › limits of a connection hold", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { channelsPerConnection: 2 } })] });
    await using client = await open(transport, gateway);
    await client.subscribe("a");
    await client.subscribe("b");
    expect(await client.request({ type: "subscribe", channel: "c" })).toMatchObject({ code: "channel_limit" });
    expect(await client.request({ type: "nonsense" })).toMatchObject({ type: "error", code: "invalid_frame" });
    client.sendRaw("{");
    await client.nextFrame(({ code }) => code === "invalid_json");
    client.sendRaw(JSON.stringify({ type: "ping", id: 99, padding: "x".repeat(70_000) }));
    await client.nextFrame(({ code }) => code === "message_too_large");
  });

  test("N37 › a hundred broken commands end it with 4011", async () => {
    await using gateway = await TestGateway.start();
    const client = await open(transport, gateway);
    for (let count = 0; count < 120; count++) client.send({ type: "nonsense" });
    expect(await client.closed).toEqual(CLOSE_CODES.protocol_violation);
  });

  test("N38 › a client that doesn't fetch is cut at its bound, and nobody else is slowed", async () => {
    await using gateway = await TestGateway.start({
      settings: {
        maxBackpressureBytes: 65_536,
        fallback: { keepMs: 10_000, bufferBytes: 65_536, maxRelayed: 10 },
      },
    });
    await using slow = await open(transport, gateway, { resumes: false });
    await using healthy = await open(transport, gateway);
    await slow.subscribe("news");
    await healthy.subscribe("news");
    slow.pause();
    const payload = "x".repeat(10_000);
    let published = 0;
    await eventually(
      async () => {
        for (let count = 0; count < 5; count++, published++) await gateway.publish("news", "tick", payload);
        await eventually(() => expect(healthy.deliveries.length).toBe(published));
        expect(gateway.counters.slowConsumers).toBe(1);
      },
      { timeoutMs: 20_000, intervalMs: 0 },
    );
    slow.resume();
    expect(await slow.closed).toMatchObject({ code: 1006 });
    await eventually(() => expect(gateway.gateway.connections).toBe(1));
    expect(gateway.counters.connectionsClosed.get(1006)).toBe(1);
    expect(slow.deliveries.length).toBeLessThan(published);
  });

  test("N40 › a drain has it come back, with a delay of its own", async () => {
    await using gateway = await TestGateway.start();
    const client = await open(transport, gateway);
    await client.subscribe("news");
    const drained = gateway.gateway.drain(0);
    expect(await client.closed).toEqual(CLOSE_CODES.drain);
    expect(client.frames.at(-1)).toMatchObject({ type: "reconnect", delayMs: expect.any(Number) });
    await drained;
    expect(gateway.gateway.connections).toBe(0);
    expect(gateway.counters.connectionsClosed.get(4200)).toBe(1);
  });

  test("the application ends it", async () => {
    await using gateway = await TestGateway.start();
    const client = await open(transport, gateway);
    const target = { kind: "connection", id: client.connectionId } as const;
    expect(await gateway.control.disconnect(gateway.apps.first.id, target)).toMatchObject({ count: 1 });
    expect(await client.closed).toEqual(CLOSE_CODES.disconnected);
  });

  test("leaves nothing behind", async () => {
    await using gateway = await TestGateway.start();
    const clients = await Promise.all(upTo(20).map(() => open(transport, gateway)));
    await Promise.all(clients.map((client) => client.subscribe("news")));
    expect(gateway.gateway.subscriptions).toBe(20);
    await Promise.all(clients.map((client) => client.close()));
    await eventually(() =>
      expect([gateway.gateway.connections, gateway.gateway.subscriptions, gateway.gateway.channels]).toEqual([0, 0, 0]),
    );
  });
});
