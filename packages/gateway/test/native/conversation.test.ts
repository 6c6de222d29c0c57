import { JSON_SUBPROTOCOL, MSGPACK_SUBPROTOCOL } from "@carillon/protocol";
import { eventually, NativeClient } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, test } from "vitest";

describe("welcome", () => {
  test("is the first frame, names the connection, and has no event that a client could take for its own", async () => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.open(gateway.webSocketUrl);
    expect(client.frames[0]).toEqual({
      type: "welcome",
      connectionId: expect.stringMatching(/^\d+\.\d+$/),
      version: 1,
      idleTimeoutMs: 60_000,
      maxFrameBytes: 65_536,
    });
  });

  test.each(["/", "/ws", "/?key=app-key", "/ws?key=app-key"])("is served at %s", async (path) => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.open(gateway.webSocketUrl.replace("/ws", path));
    expect(client.connectionId).toMatch(/^\d+\.\d+$/);
  });

  test("any other path is refused with 404", async () => {
    await using gateway = await TestGateway.start();
    await expect(NativeClient.connect(gateway.webSocketUrl.replace("/ws", "/nothing"))).rejects.toThrow("404");
  });

  test.each(["/", "/ws", "/app/app-key"])(
    "a plain GET of %s, as a proxy makes of a handshake, is told what is there",
    async (path) => {
      await using gateway = await TestGateway.start();
      const response = await fetch(gateway.url + path);
      expect([response.status, response.headers.get("upgrade")]).toEqual([426, "websocket"]);
      const detail = expect.stringContaining("proxy");
      expect(await response.json()).toMatchObject({ code: "upgrade_required", detail });
    },
  );

  test("connection ids differ", async () => {
    await using gateway = await TestGateway.start();
    await using first = await NativeClient.open(gateway.webSocketUrl);
    await using second = await NativeClient.open(gateway.webSocketUrl);
    expect(first.connectionId).not.toBe(second.connectionId);
  });
});

describe("subscribe", () => {
  test("the guide's client: subscribes without an id and gets {channel, event, payload}", async () => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.connect(gateway.webSocketUrl);
    client.send({ type: "subscribe", channel: "user-42" });
    await client.nextFrame((frame) => frame["type"] === "subscribed");
    await gateway.publish("user-42", "order.created", { id: 1 });
    expect(await client.events(1)).toEqual([{ channel: "user-42", event: "order.created", payload: { id: 1 } }]);
  });

  test("N12 › with a token that is no text is refused by an error that names the channel", async () => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.open(gateway.webSocketUrl);
    client.send({ type: "subscribe", channel: "private-a", token: { auth: "k:s" } });
    const error = await client.nextFrame((frame) => frame["type"] === "error");
    expect(error).toMatchObject({ code: "invalid_field", channel: "private-a" });
  });

  test("what was published after `subscribed` arrives, in order, once", async () => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.open(gateway.webSocketUrl);
    await client.subscribe("a");
    await client.subscribe("a");
    for (let index = 0; index < 500; index++) await gateway.publish("a", "tick", index);
    const events = await client.events(500);
    expect(events.map((event) => event.payload)).toEqual(Array.from({ length: 500 }, (_, index) => index));
  });

  test("a payload arrives byte for byte, whatever JSON it is", async () => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.open(gateway.webSocketUrl);
    await client.subscribe("a");
    const raw = '{ "big": 12345678901234567890, "one": 1.0, "ü": "\\u00fc", "b": [ ] }';
    await gateway.publish("a", 'quote"d', null, { raw });
    await client.events(1);
    expect(client.receivedText.at(-1)).toBe(`{"channel":"a","event":"quote\\"d","payload":${raw}}`);
  });

  test("many channels in one frame: one reply names those that stand and those that don't", async () => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.open(gateway.webSocketUrl);
    const reply = await client.request({ type: "subscribe", channels: ["a", { channel: "b" }, "private-c"] });
    expect(reply).toMatchObject({
      type: "subscribed",
      channels: ["a", "b"],
      errors: [{ channel: "private-c", code: "token_required" }],
    });
    expect(reply["channel"]).toBeUndefined();
  });

  test("unsubscribed channels bring nothing, and the reply says so even where there was nothing to undo", async () => {
    await using gateway = await TestGateway.start();
    await using client = await NativeClient.open(gateway.webSocketUrl);
    await client.subscribe("a");
    expect(await client.request({ type: "unsubscribe", channel: "a" })).toMatchObject({
      type: "unsubscribed",
      channel: "a",
    });
    expect(await client.request({ type: "unsubscribe", channels: ["a", "b"] })).toMatchObject({
      type: "unsubscribed",
      channels: ["a", "b"],
    });
    await gateway.publish("a", "tick", 1);
    await client.subscribe("b");
    await gateway.publish("b", "tick", 2);
    expect(await client.events(1)).toEqual([{ channel: "b", event: "tick", payload: 2 }]);
  });

  test("when the last subscriber has gone, and lingered, the node wants the channel no more", async () => {
    await using gateway = await TestGateway.start({ settings: { lingerMs: 50 } });
    await using client = await NativeClient.open(gateway.webSocketUrl);
    await client.subscribe("a");
    expect(gateway.gateway.channels).toBe(1);
    client.terminate();
    await eventually(() => expect(gateway.gateway.channels).toBe(0));
    await eventually(() => expect(gateway.gateway.connections).toBe(0));
  });
});

describe("encodings", () => {
  test("JSON and msgpack clients on one channel both get the event, each in its own frame, encoded once each", async () => {
    await using gateway = await TestGateway.start();
    const clients = await Promise.all(
      [JSON_SUBPROTOCOL, JSON_SUBPROTOCOL, MSGPACK_SUBPROTOCOL, MSGPACK_SUBPROTOCOL, undefined].map((subprotocol) =>
        NativeClient.open(gateway.webSocketUrl, subprotocol === undefined ? {} : { subprotocol }),
      ),
    );
    expect(clients.map((client) => client.subprotocol)).toEqual([
      JSON_SUBPROTOCOL,
      JSON_SUBPROTOCOL,
      MSGPACK_SUBPROTOCOL,
      MSGPACK_SUBPROTOCOL,
      "",
    ]);
    for (const client of clients) await client.subscribe("mixed");
    const payload = { text: "ünï", list: [1, 2.5, null, true], nested: { a: "b" } };
    await gateway.publish("mixed", "hello", payload);
    for (const client of clients) {
      expect(await client.events(1)).toEqual([{ channel: "mixed", event: "hello", payload }]);
    }
    expect(gateway.counters.publicationsEncoded).toBe(2);
    expect(gateway.counters.deliveries).toBe(5);
    for (const client of clients) client.terminate();
  });

  test("a payload too deep for msgpack is kept from msgpack clients alone, and the node lives on", async () => {
    await using gateway = await TestGateway.start({ settings: { maxFrameBytes: 1_000_000 } });
    await using json = await NativeClient.open(gateway.webSocketUrl);
    await using msgpack = await NativeClient.open(gateway.webSocketUrl, { subprotocol: MSGPACK_SUBPROTOCOL });
    await json.subscribe("deep");
    await msgpack.subscribe("deep");
    const depth = 100_000;
    await gateway.publish("deep", "bomb", null, { raw: "[".repeat(depth) + "]".repeat(depth) });
    await gateway.publish("deep", "after", 1);
    expect((await json.events(2)).map((event) => event.event)).toEqual(["bomb", "after"]);
    expect((await msgpack.events(1)).map((event) => event.event)).toEqual(["after"]);
  });
});

describe("publish from a client", () => {
  const app = testApp({ clientEvents: { enabled: true, perSecond: 0 } });

  test("client events reach the others on a private channel, not the sender, unless it asks for an echo", async () => {
    await using gateway = await TestGateway.start({ apps: [app] });
    const { sender, other } = await twoOnPrivate(gateway);
    const reply = await sender.request({ type: "publish", channel: "private-a", event: "client-typing", payload: 1 });
    expect(reply).toMatchObject({ type: "published", messageId: expect.any(String) });
    await sender.request({ type: "publish", channel: "private-a", event: "client-typing", payload: 2, echo: true });
    expect((await other.events(2)).map((event) => event.payload)).toEqual([1, 2]);
    expect((await sender.events(1)).map((event) => event.payload)).toEqual([2]);
    sender.terminate();
    other.terminate();
  });

  test.each([
    ["a name that is not client-…", { channel: "private-a", event: "typing" }, "forbidden"],
    ["a public channel", { channel: "public", event: "client-typing" }, "forbidden"],
    ["a channel it is not subscribed to", { channel: "private-b", event: "client-typing" }, "not_subscribed"],
    ["a reserved name", { channel: "private-a", event: "pusher:error" }, "invalid_event"],
    ["no event", { channel: "private-a" }, "missing_field"],
  ])("is refused with %s", async (_, frame, code) => {
    await using gateway = await TestGateway.start({ apps: [app] });
    const { sender, other } = await twoOnPrivate(gateway);
    expect(await sender.request({ type: "publish", payload: 1, ...frame })).toMatchObject({ type: "error", code });
    sender.terminate();
    other.terminate();
  });

  test("an event over the app's limit is refused with its size and the limit", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { messageBytes: 100 } })] });
    const { sender, other } = await twoOnPrivate(gateway);
    const payload = "x".repeat(99);
    const reply = await sender.request({ type: "publish", channel: "private-a", event: "client-a", payload });
    expect(reply).toMatchObject({
      type: "error",
      code: "message_too_large",
      message: expect.stringMatching(/101.*100/),
    });
    sender.terminate();
    other.terminate();
  });
});

async function twoOnPrivate(gateway: TestGateway): Promise<{ sender: NativeClient; other: NativeClient }> {
  const [sender, other] = await Promise.all([
    NativeClient.open(gateway.webSocketUrl),
    NativeClient.open(gateway.webSocketUrl),
  ]);
  for (const client of [sender, other]) {
    await client.subscribe("private-a", { token: gateway.channelToken(client.connectionId, "private-a") });
  }
  return { sender, other };
}
