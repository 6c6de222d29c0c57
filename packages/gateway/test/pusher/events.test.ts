import { MSGPACK_SUBPROTOCOL } from "@carillon/protocol";
import { toPayload } from "@carillon/protocol/pusher";
import { eventually, NativeClient } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { GatewayCluster } from "../support/gateway-cluster.ts";
import { enter, open, privateAuth } from "./support/pusher-user.ts";

const PRIVATE = "private-room";
const PRESENCE = "presence-room";

describe("events", () => {
  it("P25 › values come as their text byte for byte, strings as themselves, each encoded once for a codec", async () => {
    await using gateway = await TestGateway.start();
    const clients = await Promise.all([1, 2, 3].map(() => open(gateway)));
    await using json = await NativeClient.open(gateway.webSocketUrl);
    await using msgpack = await NativeClient.open(gateway.webSocketUrl, { subprotocol: MSGPACK_SUBPROTOCOL });
    for (const client of clients) await client.subscribe("orders");
    for (const client of [json, msgpack]) await client.subscribe("orders");
    const encodedBefore = gateway.counters.publicationsEncoded;
    const raws = ['{ "id": 1.0, "x":"\\u00e9é" }', '"hello"', "7", "null", '["a"]', '"\\"x\\""'];
    for (const raw of raws) await gateway.publish("orders", "e", null, { raw });
    for (const client of clients) {
      await client.next("e", "orders", raws.length);
      expect(client.all("e").map((frame) => frame.data)).toEqual([raws[0], "hello", "7", "null", raws[4], '"x"']);
      for (const frame of client.all("e")) expect(Object.keys(frame)).toEqual(["event", "channel", "data"]);
    }
    for (const client of [json, msgpack]) {
      const events = await client.events(raws.length);
      expect(events.map(({ payload }) => payload)).toEqual(raws.map((raw) => JSON.parse(raw)));
    }
    expect(gateway.counters.publicationsEncoded - encodedBefore).toBe(3 * raws.length);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  });

  it("P26 › a string that was published as one arrives as it was, and as its value in other protocols", async () => {
    await using gateway = await TestGateway.start();
    await using pusher = await open(gateway);
    await using native = await NativeClient.open(gateway.webSocketUrl);
    await pusher.subscribe("orders");
    await native.subscribe("orders");
    const strings = ['{"id":1}', "hello", '"x"', "7", "", '{"nonce":"n==","ciphertext":"c=="}', " [1 ] "];
    for (const data of strings) {
      const { payload, ...text } = toPayload(data);
      await gateway.publish("orders", "e", null, { raw: Buffer.from(payload).toString(), ...text });
    }
    await pusher.next("e", "orders", strings.length);
    expect(pusher.all("e").map((frame) => frame.data)).toEqual(strings);
    const events = await native.events(strings.length);
    const encrypted = { nonce: "n==", ciphertext: "c==" };
    expect(events.map(({ payload }) => payload)).toEqual([{ id: 1 }, "hello", "x", 7, "", encrypted, [1]]);
  });

  it("P25 › an event whose publisher wants receipts is like any other", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    await client.subscribe("orders");
    await gateway.publish("orders", "e", 1, { wantsReceipt: true });
    expect(await client.next("e")).toEqual({ event: "e", channel: "orders", data: "1" });
  });

  it("P25 › the connection that is excluded gets nothing", async () => {
    await using cluster = await GatewayCluster.start(2);
    await using sender = await open(cluster.at(0));
    await using other = await open(cluster.at(0));
    for (const client of [sender, other]) await client.subscribe("orders");
    await cluster.at(1).publish("orders", "e", 1, { exclude: sender.socketId });
    await cluster.at(1).publish("orders", "end", 1);
    await sender.next("end");
    await other.next("end");
    expect([sender.all("e").length, other.all("e").length]).toEqual([0, 1]);
  });
});

describe("client events", () => {
  it("P27, P29 › reach all others on the channel, in every protocol, as they were sent", async () => {
    await using cluster = await GatewayCluster.start(2);
    await using ann = await open(cluster.at(0));
    await using bob = await open(cluster.at(1));
    await using native = await NativeClient.open(cluster.at(1).webSocketUrl);
    await ann.subscribe(PRIVATE, privateAuth(cluster.at(0), ann, PRIVATE));
    await bob.subscribe(PRIVATE, privateAuth(cluster.at(1), bob, PRIVATE));
    await native.subscribe(PRIVATE, { token: cluster.at(1).channelToken(native.connectionId, PRIVATE) });
    const sent = [{ a: [1, "é"] }, '{"a":1}', "hello", 7, null, '"x"'];
    for (const data of sent) ann.send("client-typing", data, PRIVATE);
    await bob.next("client-typing", PRIVATE, sent.length);
    expect(bob.all("client-typing").map(({ data }) => data)).toEqual(sent);
    expect(Object.keys(bob.all("client-typing")[0] ?? {})).toEqual(["event", "channel", "data"]);
    const events = await native.events(sent.length);
    expect(events.map(({ payload }) => payload)).toEqual([{ a: [1, "é"] }, { a: 1 }, "hello", 7, null, "x"]);
    await ann.settle();
    expect(ann.all("client-typing")).toEqual([]);
    expect(ann.all("pusher:error")).toEqual([]);
  });

  it("P29 › on presence channels the sender's id is the server's word, not the client's", async () => {
    await using cluster = await GatewayCluster.start(1);
    const gateway = cluster.at(0);
    await using ann = await open(gateway);
    await using bob = await open(gateway);
    await enter(gateway, ann, PRESENCE, { user_id: 7 });
    await enter(gateway, bob, PRESENCE, { user_id: "bob" });
    ann.sendRaw(JSON.stringify({ event: "client-x", channel: PRESENCE, data: {}, user_id: "bob" }));
    expect(await bob.next("client-x")).toEqual({ event: "client-x", channel: PRESENCE, data: {}, user_id: "7" });
  });

  it("P29 › what a native client sends has its id too", async () => {
    await using cluster = await GatewayCluster.start(1);
    const gateway = cluster.at(0);
    await using bob = await open(gateway);
    await enter(gateway, bob, PRESENCE, { user_id: "bob" });
    await using native = await NativeClient.open(gateway.webSocketUrl);
    const data = '{"user_id":"nat"}';
    await native.subscribe(PRESENCE, { token: gateway.channelToken(native.connectionId, PRESENCE, data), data });
    await native.request({ type: "publish", channel: PRESENCE, event: "client-x", payload: { n: 1 } });
    expect(await bob.next("client-x")).toEqual({
      event: "client-x",
      channel: PRESENCE,
      data: { n: 1 },
      user_id: "nat",
    });
  });

  it.each([
    ["a public channel", "client-x", "orders"],
    ["a channel that the sender is not on", "client-x", "private-other"],
    ["a name that is too long", `client-${"x".repeat(200)}`, PRIVATE],
    ["too much data", "client-big", PRIVATE],
  ])("P27, P28 › %s: an error without a code, and nobody gets it", async (_what, event, channel) => {
    await using gateway = await TestGateway.start();
    await using ann = await open(gateway);
    await using bob = await open(gateway);
    for (const client of [ann, bob]) {
      await client.subscribe("orders");
      await client.subscribe(PRIVATE, privateAuth(gateway, client, PRIVATE));
    }
    await bob.subscribe("private-other", privateAuth(gateway, bob, "private-other"));
    ann.send(event, event === "client-big" ? "x".repeat(10_240) : {}, channel);
    const { data } = await ann.next("pusher:error");
    expect(data).toEqual({ code: null, message: expect.stringMatching(/\w{3}/) });
    ann.send("client-end", {}, PRIVATE);
    await bob.next("client-end");
    expect(bob.all(event)).toEqual([]);
  });

  it.each(["my-client-event", "pusher:x", "pusher_internal:member_added", "Client-x"])(
    "P7, P27 › %s is not relayed, and ignored",
    async (event) => {
      await using gateway = await TestGateway.start();
      await using ann = await open(gateway);
      await using bob = await open(gateway);
      for (const client of [ann, bob]) await client.subscribe(PRIVATE, privateAuth(gateway, client, PRIVATE));
      ann.send(event, {}, PRIVATE);
      ann.send("client-end", {}, PRIVATE);
      await bob.next("client-end");
      expect(bob.all(event)).toEqual([]);
      expect(ann.all("pusher:error")).toEqual([]);
    },
  );

  it("P28 › too many in a second: 4301, and the connection lives on", async () => {
    await using gateway = await TestGateway.start({
      apps: [testApp({ clientEvents: { enabled: true, perSecond: 5 } })],
    });
    await using ann = await open(gateway);
    await using bob = await open(gateway);
    for (const client of [ann, bob]) await client.subscribe(PRIVATE, privateAuth(gateway, client, PRIVATE));
    for (let index = 0; index < 30; index++) ann.send("client-x", index, PRIVATE);
    await ann.settle();
    const errors = ann.all("pusher:error");
    expect(errors.length).toBeGreaterThanOrEqual(15);
    for (const { data } of errors) expect(data).toMatchObject({ code: 4301 });
    await eventually(() => expect(bob.all("client-x").length).toBe(30 - errors.length));
  });

  it("P28 › off: 4301, which says so whatever else is wrong", async () => {
    await using gateway = await TestGateway.start({
      apps: [testApp({ clientEvents: { enabled: false, perSecond: 5 } })],
    });
    await using ann = await open(gateway);
    await ann.subscribe(PRIVATE, privateAuth(gateway, ann, PRIVATE));
    for (const channel of [PRIVATE, "orders", "room:0"]) ann.send("client-x", {}, channel);
    await ann.next("pusher:error", undefined, 3);
    const off = { code: 4301, message: expect.stringContaining("clientEvents.enabled") };
    expect(ann.all("pusher:error").map(({ data }) => data)).toEqual([off, off, off]);
    await ann.settle();
  });
});
