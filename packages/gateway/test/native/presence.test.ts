import { MSGPACK_SUBPROTOCOL } from "@carillon/protocol";
import { eventually, type Frame, NativeClient } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { GatewayCluster } from "../support/gateway-cluster.ts";

const CHANNEL = "presence-room";

function proofOf(gateway: TestGateway, client: NativeClient, userId: unknown, info?: unknown): Frame {
  const data = JSON.stringify({ user_id: userId, ...(info === undefined ? {} : { user_info: info }) });
  return { token: gateway.channelToken(client.connectionId, CHANNEL, data), data };
}

async function enter(gateway: TestGateway, client: NativeClient, userId: unknown, info?: unknown): Promise<Frame> {
  return client.request({ type: "subscribe", channel: CHANNEL, ...proofOf(gateway, client, userId, info) });
}

const changes = (client: NativeClient) => client.frames.filter(({ type }) => type === "presence");

describe("presence", () => {
  it("N56 › the answer says who is there, oneself too; those who were there before are told who came and who left", async () => {
    await using gateways = await GatewayCluster.start(2);
    const [first, second] = [gateways.at(0), gateways.at(1)];
    await using ann = await NativeClient.open(first.webSocketUrl);
    await using bob = await NativeClient.open(second.webSocketUrl);
    expect(await enter(first, ann, "ann", { name: "Ann" })).toMatchObject({
      type: "subscribed",
      channel: CHANNEL,
      presence: { count: 1, members: [{ id: "ann", info: { name: "Ann" } }], me: { id: "ann", info: { name: "Ann" } } },
    });
    const answer = await enter(second, bob, 7);
    expect(answer["presence"]).toEqual({
      count: 2,
      members: [{ id: "7" }, { id: "ann", info: { name: "Ann" } }],
      me: { id: "7" },
    });
    await eventually(() =>
      expect(changes(ann)).toEqual([{ type: "presence", channel: CHANNEL, joined: [{ id: "7" }], left: [], count: 2 }]),
    );
    await bob.request({ type: "unsubscribe", channel: CHANNEL });
    await eventually(() =>
      expect(changes(ann).at(-1)).toEqual({ type: "presence", channel: CHANNEL, joined: [], left: ["7"], count: 1 }),
    );
    expect(changes(bob)).toEqual([]);
  });

  it("N56 › for many, each presence channel has an entry; msgpack says the same", async () => {
    await using gateways = await GatewayCluster.start(1);
    await using client = await NativeClient.open(gateways.at(0).webSocketUrl, { subprotocol: MSGPACK_SUBPROTOCOL });
    const entry = { channel: CHANNEL, ...proofOf(gateways.at(0), client, "ann", [1]) };
    const reply = await client.request({ type: "subscribe", channels: ["plain", entry] });
    expect(reply).toMatchObject({
      channels: ["plain", CHANNEL],
      presences: [{ channel: CHANNEL, count: 1, members: [{ id: "ann", info: [1] }], me: { id: "ann" } }],
    });
    expect(reply["histories"]).toBeUndefined();
  });

  it("N56 › a channel that a command names a hundred times is told of once, when it comes and when it is repeated", async () => {
    await using gateways = await GatewayCluster.start(1);
    await using client = await NativeClient.open(gateways.at(0).webSocketUrl);
    const entry = { channel: CHANNEL, ...proofOf(gateways.at(0), client, "ann") };
    for (const named of [entry, CHANNEL]) {
      const channels = Array.from({ length: 100 }, () => named);
      const reply = await client.request({ type: "subscribe", channels });
      expect(reply["channels"]).toHaveLength(100);
      expect(reply["presences"]).toEqual([{ channel: CHANNEL, count: 1, members: [{ id: "ann" }], me: { id: "ann" } }]);
    }
  });

  it("N56 › the answer to many full channels is bounded; the pages behind it have everybody", async () => {
    await using gateways = await GatewayCluster.start(1);
    const gateway = gateways.at(0);
    const channels = Array.from({ length: 6 }, (_, index) => `presence-${index}`);
    const proofs = (client: NativeClient, userId: string) => {
      const data = JSON.stringify({ user_id: userId, user_info: "x".repeat(1_000) });
      return channels.map((channel) => ({
        channel,
        token: gateway.channelToken(client.connectionId, channel, data),
        data,
      }));
    };
    const crowd: NativeClient[] = [];
    const ids = Array.from({ length: 60 }, (_, index) => `user-${100 + index}`);
    for (const id of ids) {
      const client = await NativeClient.open(gateway.webSocketUrl);
      crowd.push(client);
      for (const proof of proofs(client, id)) await client.request({ type: "subscribe", ...proof });
    }
    await using late = await NativeClient.open(gateway.webSocketUrl);
    const reply = await late.request({ type: "subscribe", channels: proofs(late, "user-160") });
    expect(JSON.stringify(reply).length).toBeLessThan(300 * 1024);
    const presences = reply["presences"] as {
      channel: string;
      count: number;
      members: { id: string }[];
      next?: string;
    }[];
    expect(presences.map(({ count }) => count)).toEqual(channels.map(() => 61));
    expect(presences.at(-1)?.members).toHaveLength(1);
    for (const { channel, members, next } of presences) {
      const rest = next === undefined ? [] : await late.request({ type: "presence", channel, after: next });
      const more = (rest as { members?: { id: string }[] }).members ?? [];
      expect([...members, ...more].map(({ id }) => id)).toEqual([...ids, "user-160"]);
    }
    for (const client of crowd) client.terminate();
  });

  it("N36 › a repeat, which tells who is there once more, counts as a channel that comes; one of a plain channel doesn't", async () => {
    const apps = [testApp({ limits: { channelsPerConnection: 2, commandsPerSecond: 5 } })];
    await using gateways = await GatewayCluster.start(1, { apps });
    await using client = await NativeClient.open(gateways.at(0).webSocketUrl);
    await enter(gateways.at(0), client, "ann");
    await client.request({ type: "subscribe", channel: "plain" });
    const channels = Array.from({ length: 100 }, (_, index) => (index < 50 ? CHANNEL : "plain"));
    const reply = await client.request({ type: "subscribe", channels });
    expect(reply["channels"]).toEqual([...new Array(4).fill(CHANNEL), ...new Array(50).fill("plain")]);
    expect(reply["errors"]).toHaveLength(46);
    expect(reply["errors"]).toContainEqual(expect.objectContaining({ channel: CHANNEL, code: "rate_limited" }));
    expect(await client.request({ type: "presence", channel: CHANNEL })).toMatchObject({ type: "members", count: 1 });
  });

  it("N57 › a user counts once, whatever tabs it has, and a repeat of the subscribe changes nothing", async () => {
    await using gateways = await GatewayCluster.start(2);
    const [first, second] = [gateways.at(0), gateways.at(1)];
    await using watcher = await NativeClient.open(first.webSocketUrl);
    await using tab = await NativeClient.open(first.webSocketUrl);
    const other = await NativeClient.open(second.webSocketUrl);
    await enter(first, watcher, "watcher");
    await enter(first, tab, "ann");
    await eventually(() => expect(changes(watcher)).toHaveLength(1));
    expect(await enter(second, other, "ann")).toMatchObject({ presence: { count: 2 } });
    expect(await enter(first, tab, "ann")).toMatchObject({ presence: { count: 2, me: { id: "ann" } } });
    await other.request({ type: "unsubscribe", channel: CHANNEL });
    await other.close();
    await watcher.request({ type: "ping" });
    expect(changes(watcher)).toHaveLength(1);
  });

  it("N57 › one whose connection breaks and who comes back in time was never away", async () => {
    await using gateways = await GatewayCluster.start(2, { settings: { presenceGraceMs: 400 } });
    const [first, second] = [gateways.at(0), gateways.at(1)];
    await using watcher = await NativeClient.open(first.webSocketUrl);
    await enter(first, watcher, "watcher");
    const ann = await NativeClient.open(first.webSocketUrl);
    await enter(first, ann, "ann");
    ann.terminate();
    await ann.closed;
    await using back = await NativeClient.open(second.webSocketUrl);
    await enter(second, back, "ann");
    await enter(second, back, "ann");
    back.terminate();
    await eventually(() => expect(changes(watcher).at(-1)).toMatchObject({ left: ["ann"] }));
    expect(changes(watcher)).toHaveLength(2);
  });

  it("N58 › the user of a connection token that grants presence is a member; with subscribe alone it only watches", async () => {
    await using gateways = await GatewayCluster.start(1);
    const gateway = gateways.at(0);
    const token = (verbs: readonly ("subscribe" | "presence")[]) =>
      gateway.connectionToken({ sub: "ann", info: { age: 5 }, capabilities: { "presence-*": verbs }, ttlSeconds: 60 });
    await using member = await NativeClient.open(
      `${gateway.webSocketUrl}?token=${await token(["subscribe", "presence"])}`,
    );
    await using watcher = await NativeClient.open(`${gateway.webSocketUrl}?token=${await token(["subscribe"])}`);
    const seen = await watcher.request({ type: "subscribe", channel: CHANNEL });
    expect(seen["presence"]).toEqual({ count: 0, members: [] });
    const entered = await member.request({ type: "subscribe", channel: CHANNEL });
    expect(entered["presence"]).toEqual({
      count: 1,
      members: [{ id: "ann", info: { age: 5 } }],
      me: { id: "ann", info: { age: 5 } },
    });
    await eventually(() => expect(changes(watcher)).toHaveLength(1));
  });

  it.each([
    ["nothing", undefined],
    ["no JSON", "ann"],
    ["no user", "{}"],
    ["an empty id", '{"user_id":""}'],
    ["half a surrogate pair", JSON.stringify({ user_id: "ann\ud83d" })],
    ["a long id", JSON.stringify({ user_id: "x".repeat(129) })],
    ["long information", JSON.stringify({ user_id: "ann", user_info: "x".repeat(1023) })],
  ])("N58 › a channel token that vouches for %s is refused", async (_what, data) => {
    await using gateways = await GatewayCluster.start(1);
    await using client = await NativeClient.open(gateways.at(0).webSocketUrl);
    const token = gateways.at(0).channelToken(client.connectionId, CHANNEL, data);
    const proof = data === undefined ? { token } : { token, data };
    const reply = await client.request({ type: "subscribe", channel: CHANNEL, ...proof });
    expect(reply).toMatchObject({ type: "error", code: "invalid_field", channel: CHANNEL });
  });

  it("N59 › pages of members, in order; only for subscribers of presence channels", async () => {
    await using gateways = await GatewayCluster.start(2, { apps: [testApp({ limits: { presenceMembers: 0 } })] });
    const gateway = gateways.at(0);
    await using client = await NativeClient.open(gateway.webSocketUrl);
    expect(await client.request({ type: "presence", channel: CHANNEL })).toMatchObject({ code: "not_subscribed" });
    const others = await Promise.all(Array.from({ length: 120 }, () => NativeClient.open(gateways.at(1).webSocketUrl)));
    await Promise.all(others.map((each, index) => enter(gateways.at(1), each, `u${String(index).padStart(3, "0")}`)));
    const { presence } = await enter(gateway, client, "zoe");
    expect(presence).toMatchObject({ count: 121, next: "u099" });
    const page = await client.request({ type: "presence", channel: CHANNEL, after: "u099" });
    expect(page).toMatchObject({ type: "members", channel: CHANNEL, count: 121 });
    expect(page["members"]).toHaveLength(21);
    expect(page["next"]).toBeUndefined();
    expect(await client.request({ type: "presence", channel: CHANNEL, limit: 2 })).toMatchObject({
      members: [{ id: "u000" }, { id: "u001" }],
      next: "u001",
    });
    for (const wrong of [{ limit: 0 }, { limit: 1001 }, { after: 5 }, { after: "x".repeat(129) }]) {
      const reply = await client.request({ type: "presence", channel: CHANNEL, ...wrong });
      expect(reply).toMatchObject({ code: "invalid_field" });
    }
    await client.subscribe("plain");
    expect(await client.request({ type: "presence", channel: "plain" })).toMatchObject({ code: "not_found" });
    await Promise.all(others.map((each) => each.close()));
  });

  it("N60 › a channel with too many members for names tells numbers", async () => {
    const rules = { ruleOf: () => ({ history: null, isCache: false, presenceListUpTo: 2 }) };
    await using gateways = await GatewayCluster.start(1, { rules });
    const gateway = gateways.at(0);
    const clients = await Promise.all([1, 2, 3, 4].map(() => NativeClient.open(gateway.webSocketUrl)));
    for (const [index, client] of clients.entries()) await enter(gateway, client, `u${index}`);
    const [first] = clients as [NativeClient];
    await eventually(() => expect(changes(first).at(-1)).toEqual({ type: "presence", channel: CHANNEL, count: 4 }));
    const answer = await enter(gateway, first, "u0");
    expect(answer["presence"]).toEqual({ count: 4, me: { id: "u0" }, countOnly: true });
    await Promise.all(clients.map((client) => client.close()));
  });

  it("N60 › a user more than the app allows is refused", async () => {
    await using gateways = await GatewayCluster.start(2, { apps: [testApp({ limits: { presenceMembers: 1 } })] });
    await using ann = await NativeClient.open(gateways.at(0).webSocketUrl);
    await using bob = await NativeClient.open(gateways.at(1).webSocketUrl);
    await enter(gateways.at(0), ann, "ann");
    expect(await enter(gateways.at(1), bob, "bob")).toMatchObject({ type: "error", code: "presence_limit" });
    expect(await enter(gateways.at(1), bob, "ann")).toMatchObject({ type: "subscribed", presence: { count: 1 } });
  });

  it("N56 › events and changes share the channel, and a channel with a history has both", async () => {
    const rules = {
      ruleOf: () => ({ history: { messages: 10, maxAgeMs: 60_000 }, isCache: false, presenceListUpTo: 9 }),
    };
    await using gateway = await TestGateway.start({ rules });
    await using ann = await NativeClient.open(gateway.webSocketUrl);
    await using bob = await NativeClient.open(gateway.webSocketUrl);
    const answer = await enter(gateway, ann, "ann");
    expect(answer).toMatchObject({ position: expect.any(String), presence: { count: 1 } });
    await enter(gateway, bob, "bob");
    await gateway.publish(CHANNEL, "said", 1);
    expect((await ann.events(1))[0]).toMatchObject({ event: "said", payload: 1, position: expect.any(String) });
    await eventually(() => expect(changes(ann)).toHaveLength(1));
    expect(gateway.counters.envelopesUnreadable).toBe(0);
  });

  it("N2 › the limit of connections holds over all gateways", async () => {
    await using gateways = await GatewayCluster.start(2, { apps: [testApp({ limits: { connections: 2 } })] });
    await using first = await NativeClient.open(gateways.at(0).webSocketUrl);
    await using second = await NativeClient.open(gateways.at(0).webSocketUrl);
    // What a node has is known to the others a heartbeat later.
    await eventually(async () => {
      const third = await NativeClient.connect(gateways.at(1).webSocketUrl);
      await third.nextFrame(({ type }) => type === "welcome" || type === "error");
      third.terminate();
      expect(third.frames[0]).toMatchObject({ type: "error", code: "connection_limit" });
    });
    expect([first, second].every(({ frames }) => frames.length === 1)).toBe(true);
  });
});

describe("cache channels", () => {
  it("N61 › who subscribes gets the newest event at once, or is told that there is none", async () => {
    const kept = { history: { messages: 5, maxAgeMs: 60_000 }, isCache: true, presenceListUpTo: 9 };
    await using gateway = await TestGateway.start({ rules: { ruleOf: () => kept } });
    await using early = await NativeClient.open(gateway.webSocketUrl);
    expect(await early.request({ type: "subscribe", channel: "cache-a" })).toMatchObject({ cached: false });
    await gateway.publish("cache-a", "e", 1);
    await gateway.publish("cache-a", "e", 2);
    await using late = await NativeClient.open(gateway.webSocketUrl, { subprotocol: MSGPACK_SUBPROTOCOL });
    expect(await late.request({ type: "subscribe", channel: "cache-a" })).toMatchObject({ cached: true });
    expect((await late.events(1)).map(({ payload }) => payload)).toEqual([2]);
    await using many = await NativeClient.open(gateway.webSocketUrl);
    expect(await many.request({ type: "subscribe", channels: ["cache-a", "cache-b"] })).toMatchObject({
      histories: [
        { channel: "cache-a", cached: true },
        { channel: "cache-b", cached: false },
      ],
    });
    await using rewinding = await NativeClient.open(gateway.webSocketUrl);
    const reply = await rewinding.request({ type: "subscribe", channel: "cache-a", rewind: "beginning" });
    expect([reply["cached"], (await rewinding.events(2)).length]).toEqual([undefined, 2]);
  });

  it("N61 › a client event is never what it begins with, whether its sender is subscribed or not", async () => {
    const kept = { history: { messages: 5, maxAgeMs: 60_000 }, isCache: true, presenceListUpTo: 9 };
    await using gateway = await TestGateway.start({ rules: { ruleOf: () => kept } });
    await gateway.publish("cache-a", "news", 1);
    const token = await gateway.connectionToken({ capabilities: { "cache-*": ["publish"] }, ttlSeconds: 60 });
    await using sender = await NativeClient.open(`${gateway.webSocketUrl}?token=${token}`);
    const reply = await sender.request({ type: "publish", channel: "cache-a", event: "client-typing", payload: 2 });
    expect(reply).toMatchObject({ type: "published" });
    await using late = await NativeClient.open(gateway.webSocketUrl);
    expect(await late.request({ type: "subscribe", channel: "cache-a" })).toMatchObject({ cached: true });
    expect((await late.events(1)).map(({ event }) => event)).toEqual(["news"]);
  });

  it("N50, N61 › who can't be caught up gets the newest event after all, who can doesn't get it again", async () => {
    const kept = { history: { messages: 1, maxAgeMs: 60_000 }, isCache: true, presenceListUpTo: 9 };
    await using gateway = await TestGateway.start({ rules: { ruleOf: () => kept } });
    const [old, , newest] = [
      await gateway.publish("cache-a", "e", 1),
      await gateway.publish("cache-a", "e", 2),
      await gateway.publish("cache-a", "e", 3),
    ].map(({ position }) => `${position?.epoch}:${position?.offset}`);
    await using late = await NativeClient.open(gateway.webSocketUrl);
    const reply = await late.request({ type: "subscribe", channel: "cache-a", recover: old });
    expect(reply).toMatchObject({ recovered: false, reason: "too_old", cached: true, position: newest });
    expect((await late.events(1)).map(({ payload }) => payload)).toEqual([3]);
    await using current = await NativeClient.open(gateway.webSocketUrl);
    const told = await current.request({ type: "subscribe", channel: "cache-a", recover: newest });
    expect(told).toMatchObject({ recovered: true });
    expect(told).not.toHaveProperty("cached");
    await current.request({ type: "ping" });
    expect(current.deliveries).toEqual([]);
    await using empty = await NativeClient.open(gateway.webSocketUrl);
    const nothing = await empty.request({ type: "subscribe", channel: "cache-b", recover: "what?" });
    expect(nothing).toMatchObject({ recovered: false, reason: "malformed", cached: false });
  });
});
