import { createHmac } from "node:crypto";
import { eventually, PusherClient } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { GatewayCluster } from "../support/gateway-cluster.ts";
import { dataOf, enter, open, privateAuth } from "./support/pusher-user.ts";

const AUTH_ERROR = { type: "AuthError", error: expect.stringMatching(/\w{3}/), status: 401 };

describe("subscribing", () => {
  it("P13 › a public channel: succeeded with data {}, then its events; auth is ignored", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    expect(await client.subscribe("orders", { auth: "" })).toEqual({
      event: "pusher_internal:subscription_succeeded",
      channel: "orders",
      data: "{}",
    });
    await gateway.publish("orders", "created", { id: 1 });
    expect(await client.next("created")).toEqual({ event: "created", channel: "orders", data: '{"id":1}' });
  });

  it("P12, P15 › names: 200 characters pass; one that is none is refused on its channel, what is no text without one", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    const longest = "a".repeat(200);
    expect((await client.subscribe(longest)).event).toBe("pusher_internal:subscription_succeeded");
    const data = { type: "InvalidRequest", error: expect.stringContaining("channel name"), status: 400 };
    for (const channel of ["a".repeat(201), "a b", "room:0", "#other", "#server-to-user-", "", "\ud800"]) {
      expect(await client.subscribe(channel)).toEqual({ event: "pusher:subscription_error", channel, data });
    }
    expect(client.all("pusher:error")).toEqual([]);
    for (const channel of [7, null, { a: 1 }]) {
      const before = client.all("pusher:error").length;
      client.send("pusher:subscribe", { channel });
      const error = await client.next("pusher:error", undefined, before + 1);
      expect(error.data).toEqual({ code: null, message: expect.stringContaining("channel name") });
    }
  });

  it("P15 › of a very long name the first 1,000 characters come back", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    for (const channel of ["é".repeat(1000), "é".repeat(30_000)]) client.send("pusher:subscribe", { channel });
    await client.next("pusher:subscription_error", "é".repeat(1000), 2);
  });

  it.each(["private-room", "private-odd_1@=,.;", "private-cache-x", "private-encrypted-vault"])(
    "P14, P17 › %s: a right signature, with and without channel_data, in either case",
    async (channel) => {
      await using gateway = await TestGateway.start({ apps: [testApp({ secrets: ["new", "app-secret"] })] });
      for (const data of [undefined, '{"user_id": "u-2", "user_info": {"n": 1}}', "Zoë", ""]) {
        await using client = await open(gateway);
        const signed = `${client.socketId}:${channel}${data === undefined ? "" : `:${data}`}`;
        const auth = `app-key:${createHmac("sha256", "app-secret").update(signed).digest("hex")}`;
        const more = data === undefined ? { auth } : { auth, channel_data: data };
        expect((await client.subscribe(channel, more)).event).toBe("pusher_internal:subscription_succeeded");
      }
    },
  );

  it("P15 › a wrong proof: AuthError on the channel, the connection lives on", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    await using other = await open(gateway);
    const channel = "private-room";
    const right = gateway.channelToken(client.socketId, channel);
    const wrong = [
      {},
      { auth: "" },
      { auth: "app-key" },
      { auth: right.replace("app-key", "other-key") },
      { auth: gateway.channelToken(other.socketId, channel) },
      { auth: gateway.channelToken(client.socketId, "private-other") },
      // What is signed without data proves nothing about data, and the other way round.
      { auth: right, channel_data: "{}" },
      { auth: gateway.channelToken(client.socketId, channel, "{}") },
    ];
    for (const proof of wrong) {
      const answer = await client.subscribe(channel, proof);
      expect(answer).toEqual({ event: "pusher:subscription_error", channel, data: AUTH_ERROR });
    }
    expect((await client.subscribe(channel, { auth: right })).event).toBe("pusher_internal:subscription_succeeded");
    expect(client.all("pusher:error")).toEqual([]);
  });

  it("P8, P15 › proof that is no text: InvalidRequest on the channel, however often it comes", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    const proofs = [{ auth: { auth: "k:s" } }, { auth: "k:s", channel_data: { user_id: "1" } }];
    for (let index = 0; index < 51; index++) {
      for (const proof of proofs) client.send("pusher:subscribe", { channel: "presence-a", ...proof });
    }
    await client.settle();
    const errors = client.all("pusher:subscription_error");
    expect(errors).toHaveLength(102);
    for (const { channel, data } of errors) {
      expect(channel).toBe("presence-a");
      expect(data).toMatchObject({ type: "InvalidRequest", status: 400, error: expect.stringContaining("a string") });
    }
    expect(client.all("pusher:error")).toEqual([]);
  });

  it("P15 › a .NET client hears of it under its own name as well", async () => {
    await using gateway = await TestGateway.start();
    const url = gateway.pusherUrl.replace("client=js", "client=pusher-dotnet-client");
    await using client = await PusherClient.open(url);
    await client.subscribe("private-room");
    const { data } = await client.next("pusher_internal:subscription_error", "private-room");
    expect(data).toEqual(AUTH_ERROR);
  });

  it("P15 › one channel too many: LimitReached", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { channelsPerConnection: 1 } })] });
    await using client = await open(gateway);
    await client.subscribe("one");
    expect((await client.subscribe("two")).data).toMatchObject({ type: "LimitReached", status: 429 });
  });

  it("P15, P34 › while the bus is away: Unavailable, and a sign-in ends in 4100, so that the client comes back", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    await gateway.bus.close();
    expect((await client.subscribe("orders")).data).toMatchObject({ type: "Unavailable", status: 503 });
    const data = '{"id":"ann"}';
    client.send("pusher:signin", { auth: gateway.userToken(client.socketId, data), user_data: data });
    expect((await client.closed).code).toBe(4100);
    expect(client.all("pusher:error").map((frame) => frame.data)).toMatchObject([{ code: 4100 }]);
  });

  it("P16 › a repeat is answered and delivers nothing twice; unsubscribing has no answer", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    await client.subscribe("orders");
    await client.subscribe("orders");
    await gateway.publish("orders", "created", 1);
    await client.next("created");
    client.send("pusher:unsubscribe", { channel: "orders" });
    for (const channel of ["never", "room:0", ""]) client.send("pusher:unsubscribe", { channel });
    await client.settle();
    await gateway.publish("orders", "created", 2);
    await gateway.publish("orders", "created", 3);
    await client.subscribe("other");
    expect(client.all("created")).toHaveLength(1);
    expect(client.frames.map(({ event }) => event)).not.toContain("pusher:error");
  });
});

describe("cache channels", () => {
  const cacheRules = {
    ruleOf: (_appId: string, channel: string) => ({
      history: channel.includes("cache-") ? { messages: 1, maxAgeMs: 1_800_000 } : null,
      isCache: channel.includes("cache-"),
      presenceListUpTo: 1000,
    }),
  };

  it("P18 › a miss, then the newest event right behind succeeded, on another gateway too and with nobody subscribed before", async () => {
    await using cluster = await GatewayCluster.start(2, { rules: cacheRules });
    await using early = await open(cluster.at(0));
    await early.subscribe("cache-price");
    expect(await early.next("pusher:cache_miss")).toEqual({
      event: "pusher:cache_miss",
      channel: "cache-price",
      data: "{}",
    });
    for (const price of [1, 2]) await cluster.at(0).publish("cache-price", "price", { price });
    await early.next("price", undefined, 2);
    await cluster.at(0).publish("cache-lonely", "price", "kept");
    await using late = await open(cluster.at(1));
    await late.subscribe("cache-price");
    await late.next("price");
    await late.subscribe("cache-lonely");
    await late.next("price", "cache-lonely");
    const isCount = ({ event }: { event: string }) => event === "pusher_internal:subscription_count";
    expect(late.frames.slice(1).filter((frame) => !isCount(frame))).toEqual([
      { event: "pusher_internal:subscription_succeeded", channel: "cache-price", data: "{}" },
      { event: "price", channel: "cache-price", data: '{"price":2}' },
      { event: "pusher_internal:subscription_succeeded", channel: "cache-lonely", data: "{}" },
      { event: "price", channel: "cache-lonely", data: "kept" },
    ]);
    await late.subscribe("cache-price");
    await late.settle();
    expect(late.all("price", "cache-price")).toHaveLength(1);
    expect(late.all("pusher:cache_miss")).toEqual([]);
  });

  it("P30 › what clients tell each other is not what a cache channel begins with", async () => {
    await using cluster = await GatewayCluster.start(1, { rules: cacheRules });
    const gateway = cluster.at(0);
    const channel = "presence-cache-room";
    await using ann = await open(gateway);
    await using bob = await open(gateway);
    await enter(gateway, ann, channel, { user_id: "ann" });
    await enter(gateway, bob, channel, { user_id: "bob" });
    await gateway.publish(channel, "news", "of the application");
    ann.send("client-typing", {}, channel);
    await bob.next("client-typing");
    await using late = await open(gateway);
    await enter(gateway, late, channel, { user_id: "late" });
    await late.next("news");
    await late.settle();
    expect(late.all("client-typing")).toEqual([]);
  });
});

describe("numbers of subscribers", () => {
  const counts = (client: PusherClient, channel: string) =>
    client.all("pusher_internal:subscription_count", channel).map((frame) => dataOf(frame));

  it("P31 › subscribers in the whole cluster, of a node that goes too", async () => {
    await using cluster = await GatewayCluster.start(3);
    await using ann = await open(cluster.at(0));
    await ann.subscribe("orders");
    await eventually(() => expect(counts(ann, "orders").at(-1)).toEqual({ subscription_count: 1 }));
    await using bob = await open(cluster.at(1));
    await bob.subscribe("orders");
    await using eve = await open(cluster.at(2));
    await eve.subscribe("orders");
    for (const client of [ann, bob, eve]) {
      await eventually(() => expect(counts(client, "orders").at(-1)).toEqual({ subscription_count: 3 }));
    }
    bob.send("pusher:unsubscribe", { channel: "orders" });
    await eventually(() => expect(counts(ann, "orders").at(-1)).toEqual({ subscription_count: 2 }));
    eve.terminate();
    await eventually(() => expect(counts(ann, "orders").at(-1)).toEqual({ subscription_count: 1 }));
    await eve.closed;
    const succeeded = bob.frames.findIndex(({ event }) => event === "pusher_internal:subscription_succeeded");
    const first = bob.frames.findIndex(({ event }) => event === "pusher_internal:subscription_count");
    expect(first).toBeGreaterThan(succeeded);
  });

  it("P31 › subscribers of a gateway that leaves are no longer counted", async () => {
    await using cluster = await GatewayCluster.start(2);
    await using ann = await open(cluster.at(0));
    await ann.subscribe("orders");
    await using other = await open(cluster.at(1));
    await other.subscribe("orders");
    await eventually(() => expect(counts(ann, "orders").at(-1)).toEqual({ subscription_count: 2 }));
    const [leaving] = cluster.all.splice(1);
    await leaving?.[Symbol.asyncDispose]();
    await eventually(() => expect(counts(ann, "orders").at(-1)).toEqual({ subscription_count: 1 }));
    await leaving?.bus.close();
  });

  it("P31 › off where the app has it off", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ subscriptionCount: false })] });
    await using client = await open(gateway);
    await client.subscribe("orders");
    await client.subscribe("more");
    await client.settle();
    expect(client.all("pusher_internal:subscription_count")).toEqual([]);
  });

  it("P32 › not on presence channels, nor on encrypted ones", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    await enter(gateway, client, "presence-room", { user_id: "ann" });
    await client.subscribe("private-encrypted-vault", privateAuth(gateway, client, "private-encrypted-vault"));
    await client.subscribe("orders");
    await client.next("pusher_internal:subscription_count", "orders");
    expect(client.all("pusher_internal:subscription_count")).toHaveLength(1);
  });
});
