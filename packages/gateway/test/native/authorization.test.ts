import { CLOSE_CODES } from "@carillon/protocol";
import { eventually, FakeClock, NativeClient } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, test } from "vitest";

const NOW_MS = Date.UTC(2030, 0, 1);

/** How far apart the clocks of issuer and gateway may be: a token is good for that much longer. */
const TOLERANCE_MS = 5000;

describe("channel token", () => {
  test("opens a private channel for the connection, channel and data that it signs, and for no other", async () => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.open(gateway.webSocketUrl);
    await using other = await NativeClient.open(gateway.webSocketUrl);
    const token = gateway.channelToken(client.connectionId, "private-a", '{"user_id":"1"}');
    const subscribe = { type: "subscribe", channel: "private-a", token, data: '{"user_id":"1"}' };
    expect(await other.request(subscribe)).toMatchObject({ type: "error", code: "forbidden", channel: "private-a" });
    expect(await client.request({ ...subscribe, channel: "private-b" })).toMatchObject({ code: "forbidden" });
    expect(await client.request({ ...subscribe, data: '{"user_id": "1"}' })).toMatchObject({ code: "forbidden" });
    expect(await client.request({ ...subscribe, data: undefined })).toMatchObject({ code: "forbidden" });
    expect(await client.request(subscribe)).toMatchObject({ type: "subscribed", channel: "private-a" });
  });

  test.each(["private-a", "presence-a", "private-encrypted-a"])("%s is closed without one", async (channel) => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.open(gateway.webSocketUrl);
    expect(await client.request({ type: "subscribe", channel })).toMatchObject({
      type: "error",
      code: "token_required",
    });
    expect(await client.request({ type: "subscribe", channel, token: "app-key:00" })).toMatchObject({
      code: "forbidden",
    });
    expect(await client.request({ type: "subscribe", channel, token: "" })).toMatchObject({ code: "forbidden" });
    await gateway.publish(channel, "secret", 1);
    await client.subscribe("public");
    expect(client.deliveries).toEqual([]);
  });

  test("signed with any secret in force is good, also after a rotation under a live connection", async () => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.open(gateway.webSocketUrl);
    const old = gateway.channelToken(client.connectionId, "private-a");
    gateway.apps.reload([testApp({ secrets: ["a-new-secret", "app-secret"] })]);
    const fresh = gateway.channelToken(client.connectionId, "private-b");
    await client.subscribe("private-a", { token: old });
    await client.subscribe("private-b", { token: fresh });
    gateway.apps.reload([testApp({ secrets: ["a-new-secret"] })]);
    const retired = { type: "subscribe", channel: "private-c", token: old.replace("private-a", "private-c") };
    expect(await client.request(retired)).toMatchObject({ code: "forbidden" });
  });
});

describe("connection token", () => {
  test("in the URL: grants by capability, and the welcome tells when it ends", async () => {
    await using gateway = await TestGateway.start();
    const token = await gateway.connectionToken({
      sub: "42",
      capabilities: { "private-user-42*": ["subscribe"], "presence-*": ["presence"] },
      ttlSeconds: 60,
    });
    await using client = await NativeClient.open(`${gateway.webSocketUrl}?token=${token}`);
    const expiresAt = client.frames[0]?.["expiresAt"] as number;
    expect(expiresAt).toBeGreaterThan(Date.now());
    await client.subscribe("private-user-42.orders");
    expect(await client.request({ type: "subscribe", channel: "private-user-43" })).toMatchObject({
      code: "forbidden",
    });
    expect(await client.request({ type: "subscribe", channel: "presence-room" })).toMatchObject({ code: "forbidden" });
  });

  test("in the first frame: what follows is handled in order, with what the token grants", async () => {
    await using gateway = await TestGateway.start();
    const token = await gateway.connectionToken({
      capabilities: { "private-*": ["subscribe", "publish"] },
      ttlSeconds: 60,
    });
    await using client = await NativeClient.connect(gateway.webSocketUrl);
    client.send({ type: "refresh", token, id: 1 });
    client.send({ type: "subscribe", channel: "private-a", id: 2 });
    await client.nextFrame((frame) => frame["id"] === 2);
    expect(client.frames.map((frame) => frame["type"])).toEqual(["welcome", "refreshed", "subscribed"]);
  });

  test("`publish` on a pattern lets any event through, on public channels too", async () => {
    await using gateway = await TestGateway.start();
    const token = await gateway.connectionToken({ capabilities: { "chat-*": ["publish"] }, ttlSeconds: 60 });
    await using client = await NativeClient.open(`${gateway.webSocketUrl}?token=${token}`);
    const publish = { type: "publish", event: "message", payload: "hi" };
    expect(await client.request({ ...publish, channel: "chat-1" })).toMatchObject({ type: "published" });
    expect(await client.request({ ...publish, channel: "other" })).toMatchObject({ type: "error", code: "forbidden" });
  });

  test.each([
    ["garbage", async () => "not-a-token", "token_invalid", CLOSE_CODES.unauthorized.code],
    [
      "expired",
      (gateway: TestGateway) =>
        gateway.connectionToken({ capabilities: {}, ttlSeconds: 60, nowMs: Date.now() - 120_000 }),
      "token_expired",
      CLOSE_CODES.token_expired.code,
    ],
  ])(
    "%s in the URL: an error says why, and the close code whether to come back",
    async (_, makeToken, code, closeCode) => {
      await using gateway = await TestGateway.start();
      const client = await NativeClient.connect(`${gateway.webSocketUrl}?token=${await makeToken(gateway)}`);
      expect(await client.nextFrame(() => true)).toMatchObject({ type: "error", code });
      expect((await client.closed).code).toBe(closeCode);
      await eventually(() => expect(gateway.gateway.connections).toBe(0));
    },
  );

  test("five hundred subscribes behind a token in the URL all stand", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { channelsPerConnection: 0 } })] });
    const token = await gateway.connectionToken({ capabilities: { "private-*": ["subscribe"] }, ttlSeconds: 60 });
    await using client = await NativeClient.connect(`${gateway.webSocketUrl}?token=${token}`);
    for (let index = 0; index < 500; index++)
      client.send({ type: "subscribe", channel: `private-${index}`, id: index });
    await client.nextFrame((frame) => frame["id"] === 499);
    expect(client.frames.filter((frame) => frame["type"] === "subscribed")).toHaveLength(500);
  });

  test("a key set that can't be fetched: the client may come back, and the error says why", async () => {
    const jwksUrl = "http://127.0.0.1:1/jwks.json";
    const app = testApp({ token: { isRequired: false, publicKeys: [], jwksUrl, issuer: null, audience: null } });
    await using gateway = await TestGateway.start({ apps: [app] });
    const header = Buffer.from('{"alg":"RS256","kid":"1"}').toString("base64url");
    const token = `${header}.${Buffer.from('{"exp":4102444800}').toString("base64url")}.AAAA`;
    const client = await NativeClient.connect(`${gateway.webSocketUrl}?token=${token}`);
    expect((await client.closed).code).toBe(CLOSE_CODES.token_unverifiable.code);
    expect(client.frames[0]).toMatchObject({ type: "error", code: "token_unverifiable" });
  });

  test("a newer one with fewer capabilities ends what it doesn't grant, and tells; what a channel token opened stays", async () => {
    await using gateway = await TestGateway.start();
    const mint = (pattern: string) =>
      gateway.connectionToken({ sub: "1", capabilities: { [pattern]: ["subscribe"] }, ttlSeconds: 60 });
    await using client = await NativeClient.open(`${gateway.webSocketUrl}?token=${await mint("private-*")}`);
    await client.subscribe("private-a");
    await client.subscribe("private-b");
    await client.subscribe("private-c", { token: gateway.channelToken(client.connectionId, "private-c") });
    await client.subscribe("public");
    await client.request({ type: "refresh", token: await mint("private-b") });
    expect(await client.nextFrame((frame) => frame["type"] === "unsubscribed")).toMatchObject({
      channel: "private-a",
      code: "forbidden",
    });
    for (const channel of ["private-a", "private-b", "private-c", "public"]) await gateway.publish(channel, "tick", 1);
    await client.events(3);
    await client.request({ type: "ping" });
    expect(client.deliveries.map((event) => event.channel)).toEqual(["private-b", "private-c", "public"]);
  });

  test("a bad one in a refresh leaves the connection and its grants as they were", async () => {
    await using gateway = await TestGateway.start();
    const token = await gateway.connectionToken({
      sub: "1",
      capabilities: { "private-*": ["subscribe"] },
      ttlSeconds: 60,
    });
    const foreign = await gateway.connectionToken({ sub: "2", capabilities: {}, ttlSeconds: 60 });
    await using client = await NativeClient.open(`${gateway.webSocketUrl}?token=${token}`);
    expect(await client.request({ type: "refresh", token: "bad" })).toMatchObject({ code: "token_invalid" });
    expect(await client.request({ type: "refresh", token: foreign })).toMatchObject({ code: "forbidden" });
    await client.subscribe("private-a");
  });

  test("expiry ends the connection with a code that says to come back with another; a refresh in time prevents it", async () => {
    const clock = new FakeClock(NOW_MS);
    await using gateway = await TestGateway.start({ clock });
    const mint = (ttlSeconds: number) =>
      gateway.connectionToken({ sub: "1", capabilities: {}, ttlSeconds, nowMs: clock.now() });
    await using leaving = await NativeClient.open(`${gateway.webSocketUrl}?token=${await mint(60)}`);
    await using staying = await NativeClient.open(`${gateway.webSocketUrl}?token=${await mint(60)}`);
    clock.advance(50_000);
    const reply = await staying.request({ type: "refresh", token: await mint(60) });
    const expiresInMs = 60_000 + TOLERANCE_MS;
    expect(reply).toMatchObject({ type: "refreshed", expiresAt: NOW_MS + 50_000 + expiresInMs, expiresInMs });
    clock.advance(16_000);
    expect((await leaving.closed).code).toBe(CLOSE_CODES.token_expired.code);
    expect(leaving.frames.at(-1)).toMatchObject({ type: "error", code: "token_expired" });
    expect(await staying.request({ type: "ping" })).toMatchObject({ type: "pong" });
    clock.advance(50_000);
    expect((await staying.closed).code).toBe(CLOSE_CODES.token_expired.code);
  });

  test("where the app requires one: nothing is allowed before it, and the wait ends after ten seconds", async () => {
    const clock = new FakeClock(NOW_MS);
    const app = testApp({ token: { isRequired: true, publicKeys: [], jwksUrl: null, issuer: null, audience: null } });
    await using gateway = await TestGateway.start({ clock, apps: [app] });
    await using client = await NativeClient.open(gateway.webSocketUrl);
    expect(await client.request({ type: "subscribe", channel: "public" })).toMatchObject({ code: "token_required" });
    clock.advance(11_000);
    expect((await client.closed).code).toBe(CLOSE_CODES.unauthorized.code);
  });
});

describe("apps", () => {
  const other = testApp({
    id: "1002",
    key: "other-key",
    secrets: ["other-secret"],
    publishSecret: "other-publish-secret",
  });

  test("channels of the same name in two apps are two channels", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp(), other] });
    await using first = await NativeClient.open(`${gateway.webSocketUrl}?key=app-key`);
    await using second = await NativeClient.open(`${gateway.webSocketUrl}?key=other-key`);
    await first.subscribe("same");
    await second.subscribe("same");
    await gateway.publish("same", "tick", 1);
    await first.events(1);
    await second.request({ type: "ping" });
    expect(second.deliveries).toEqual([]);
    const crossed = {
      type: "subscribe",
      channel: "private-a",
      token: gateway.channelToken(second.connectionId, "private-a"),
    };
    expect(await second.request(crossed)).toMatchObject({ code: "forbidden" });
  });

  test.each([
    ["an unknown key", "?key=nobody", {}, CLOSE_CODES.app_unknown],
    ["a disabled app", "?key=other-key", {}, CLOSE_CODES.app_disabled],
    ["a foreign origin", "?key=app-key", { origin: "https://evil.example" }, CLOSE_CODES.origin_refused],
  ])("%s is told so, and closed for good", async (_, query, options, expected) => {
    const apps = [testApp({ allowedOrigins: ["https://*.good.example"] }), { ...other, enabled: false }];
    await using gateway = await TestGateway.start({ apps });
    const client = await NativeClient.connect(gateway.webSocketUrl + query, options);
    expect(await client.closed).toEqual(expected);
    expect(client.frames).toEqual([{ type: "error", code: expect.any(String), message: expected.reason }]);
    await using welcome = await NativeClient.open(gateway.webSocketUrl, { origin: "https://app.good.example" });
    expect(welcome.frames).toHaveLength(1);
  });

  test("a reload closes the connections of apps that were disabled or removed, and disturbs no other", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp(), other] });
    await using staying = await NativeClient.open(`${gateway.webSocketUrl}?key=app-key`);
    await using leaving = await NativeClient.open(`${gateway.webSocketUrl}?key=other-key`);
    await staying.subscribe("a");
    gateway.apps.reload([testApp({ limits: { channelsPerConnection: 1 } }), { ...other, enabled: false }]);
    expect((await leaving.closed).code).toBe(CLOSE_CODES.app_disabled.code);
    await gateway.publish("a", "tick", 1);
    await staying.events(1);
    expect(await staying.request({ type: "subscribe", channel: "b" })).toMatchObject({ code: "channel_limit" });
  });
});
