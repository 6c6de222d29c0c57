import {
  ClusterMembership,
  MemoryBackbone,
  MemoryBus,
  MemoryClusterBackbone,
  MemoryClusterLink,
  MemoryHistory,
} from "@carillon/core";
import { DEV_APP, randomIds, systemClock } from "@carillon/service";
import { eventually, NativeClient } from "@carillon/testkit";
import { TestGateway } from "@carillon/testkit/gateway";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BrokenHistory } from "../support/broken-history.ts";
import { PusherCaller } from "../support/pusher-caller.ts";
import { RunningPublisher } from "../support/running-publisher.ts";

const DEV = { appId: DEV_APP.id, key: DEV_APP.key, secret: DEV_APP.secrets[0] ?? "" };

describe("Pusher's HTTP API › what is asked of all gateways", () => {
  const gateways: TestGateway[] = [];
  const clients: NativeClient[] = [];
  const cluster = new MemoryClusterBackbone();
  let running: RunningPublisher;
  let pusher: PusherCaller;

  beforeAll(async () => {
    const backbone = new MemoryBackbone({ clock: systemClock });
    for (let index = 0; index < 2; index++) {
      const [bus, clusterLink] = [new MemoryBus(backbone), new MemoryClusterLink(cluster)];
      gateways.push(await TestGateway.start({ bus, clusterLink }));
    }
    const bus = new MemoryBus(backbone);
    const history = new MemoryHistory({ backbone, clock: systemClock, ids: randomIds() });
    running = await RunningPublisher.start({
      apps: [DEV_APP],
      bus,
      history,
      clusterLink: new MemoryClusterLink(cluster),
    });
    pusher = new PusherCaller({ url: running.url, ...DEV });
  });

  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await running[Symbol.asyncDispose]();
    for (const gateway of gateways) {
      await gateway[Symbol.asyncDispose]();
      await gateway.bus.close();
    }
  });

  async function connect(index: number, query = ""): Promise<NativeClient> {
    const client = await NativeClient.open((gateways[index] as TestGateway).webSocketUrl + query);
    clients.push(client);
    return client;
  }

  async function enter(index: number, channel: string, userId: string): Promise<NativeClient> {
    const client = await connect(index);
    const data = JSON.stringify({ user_id: userId });
    const token = (gateways[index] as TestGateway).channelToken(client.connectionId, channel, data);
    await client.subscribe(channel, { token, data });
    return client;
  }

  it("channels are those with subscribers, and can be picked by prefix", async () => {
    for (const index of [0, 1]) await (await connect(index)).subscribe("pick-a");
    await (await connect(0)).subscribe("pick-b");
    for (const index of [0, 1]) await enter(index, "presence-pick-a", "ann");
    await enter(1, "presence-pick-a", "bob");
    const all = await pusher.get("/channels");
    expect(all.body["channels"]).toEqual({ "pick-a": {}, "pick-b": {}, "presence-pick-a": {} });
    expect([all.status, all.headers.get("x-carillon-complete")]).toEqual([200, "true"]);
    expect((await pusher.get("/channels", { filter_by_prefix: "pick-" })).body).toEqual({
      channels: { "pick-a": {}, "pick-b": {} },
    });
    expect((await pusher.get("/channels", { filter_by_prefix: "none-" })).body).toEqual({ channels: {} });
    const counted = { filter_by_prefix: "presence-", info: "user_count" };
    expect((await pusher.get("/channels", counted)).body).toEqual({
      channels: { "presence-pick-a": { user_count: 2 } },
    });
    const more = { filter_by_prefix: "pick-", info: "subscription_count" };
    expect((await pusher.get("/channels", more)).body).toMatchObject({
      channels: { "pick-a": { subscription_count: 2 } },
    });
  });

  it("one channel tells whether it is occupied, and its numbers where they are asked for", async () => {
    await enter(0, "presence-one", "ann");
    await enter(1, "presence-one", "ann");
    await enter(1, "presence-one", "bob");
    const info = "user_count,subscription_count";
    expect((await pusher.get("/channels/presence-one", { info })).body).toEqual({
      occupied: true,
      user_count: 2,
      subscription_count: 3,
    });
    expect((await pusher.get("/channels/presence-one")).body).toEqual({ occupied: true });
    expect((await pusher.get("/channels/presence-one/stats")).body).toEqual({
      occupied: true,
      user_count: 2,
      subscription_count: 3,
    });
    expect((await pusher.get("/channels/nobody", { info: "subscription_count" })).body).toEqual({
      occupied: false,
      subscription_count: 0,
    });
    expect((await pusher.get("/channels/presence-nobody", { info: "user_count" })).body).toEqual({
      occupied: false,
      user_count: 0,
    });
  });

  it("users of a presence channel are told once each", async () => {
    for (const index of [0, 1]) await enter(index, "presence-users", "ann");
    await enter(0, "presence-users", "7");
    expect((await pusher.get("/channels/presence-users/users")).body).toEqual({ users: [{ id: "7" }, { id: "ann" }] });
    expect((await pusher.get("/channels/presence-empty/users")).body).toEqual({ users: [] });
  });

  it("a trigger tells the numbers of its channels, a batch those of its events by position", async () => {
    await (await connect(0)).subscribe("counted");
    await enter(1, "presence-counted", "ann");
    const event = { name: "e", data: "1" };
    const channels = ["counted", "presence-counted", "uncounted", "#server-to-user-7"];
    expect(await pusher.trigger({ ...event, channels, info: "user_count,subscription_count" })).toMatchObject({
      status: 200,
      body: {
        channels: {
          counted: { subscription_count: 1 },
          "presence-counted": { subscription_count: 1, user_count: 1 },
          uncounted: { subscription_count: 0 },
        },
      },
    });
    const batch = [
      { ...event, channel: "counted", info: "subscription_count" },
      { ...event, channel: "counted" },
      { ...event, channel: "presence-counted", info: "user_count" },
    ];
    expect((await pusher.post("/batch_events", { batch })).body).toEqual({
      batch: [{ subscription_count: 1 }, {}, { user_count: 1 }],
    });
  });

  it("terminating ends the connections that are signed in as the user, on every gateway, and no other", async () => {
    const token = await (gateways[0] as TestGateway).connectionToken({
      sub: "eve@x",
      capabilities: {},
      ttlSeconds: 60,
    });
    const signedIn = [await connect(0, `?token=${token}`), await connect(1, `?token=${token}`)];
    const others = [await enter(0, "presence-with-eve", "eve@x"), await connect(1)];
    const answer = await pusher.post("/users/eve%40x/terminate_connections", {});
    expect(answer).toMatchObject({ status: 200, body: {} });
    for (const client of signedIn) expect((await client.closed).code).toBe(4013);
    for (const client of others) expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  it("native subscribers get JSON as a value and other text as a string, and the excluded one gets nothing", async () => {
    const [excluded, remote] = [await connect(0), await connect(1)];
    for (const client of [excluded, remote]) await client.subscribe("mixed");
    const event = { name: "e", channels: ["mixed"], socket_id: excluded.connectionId };
    await pusher.trigger({ ...event, data: '{"id":7}' });
    await pusher.trigger({ ...event, data: "plain text", socket_id: null });
    expect((await remote.events(2)).map(({ payload }) => payload)).toEqual([{ id: 7 }, "plain text"]);
    expect((await excluded.events(1)).map(({ payload }) => payload)).toEqual(["plain text"]);
  });

  it("the newest event of a cache channel is told, with the seconds for which it is kept", async () => {
    const info = { info: "cache" };
    expect((await pusher.get("/channels/cache-new", info)).body).toEqual({ occupied: false, cache: null });
    for (const data of ['{"n":1}', "not JSON"]) {
      await pusher.trigger({ name: "e", data: "older", channel: "cache-old" });
      await pusher.trigger({ name: "e", data, channel: "cache-old" });
      await eventually(async () => {
        const { cache } = (await pusher.get("/channels/cache-old", info)).body as {
          cache: { data: string; ttl: number };
        };
        expect(cache.data).toBe(data);
        expect(cache.ttl).toBeGreaterThan(1700);
        expect(cache.ttl).toBeLessThanOrEqual(1800);
      });
    }
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ["/channels", { info: "user_count" }, /filter_by_prefix=presence-/],
    ["/channels", { info: "user_count", filter_by_prefix: "private-" }, /filter_by_prefix=presence-/],
    ["/channels", { info: "cache", filter_by_prefix: "presence-" }, /user_count, subscription_count/],
    ["/channels/public", { info: "user_count" }, /presence channels alone/],
    ["/channels/public", { info: "cache" }, /cache channels alone/],
    ["/channels/public", { info: "nonsense" }, /"nonsense"/],
    ["/channels/a%20b", {}, /the path names no channel/],
    ["/channels/%23server-to-user-7", {}, /the path names no channel/],
    ["/channels/public/users", {}, /presence-/],
    ["/channels/%ff/users", {}, /the path names no channel/],
  ])("GET %s with %j is a 400", async (path, parameters, text) => {
    const { status, body } = await pusher.get(path, parameters);
    expect([status, body]).toEqual([400, { error: expect.stringMatching(text) }]);
  });

  it("a user id that is too long is a 400", async () => {
    const answer = await pusher.post(`/users/${"x".repeat(129)}/terminate_connections`, {});
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining("128") } });
  });

  it("a gateway that doesn't answer is told of in a header, and the body keeps its shape", async () => {
    const silent = new ClusterMembership({
      link: new MemoryClusterLink(cluster),
      bus: running.memoryBus,
      clock: systemClock,
      nodeId: "silent",
      isGateway: true,
      connectionsByApp: () => new Map(),
      onBug: () => undefined,
    });
    for (const kind of ["control-summaries", "control-disconnect"])
      silent.handle(kind, () => new Promise(() => undefined));
    await silent.start();
    try {
      await eventually(async () => {
        const answer = await pusher.get("/channels/silence");
        expect([answer.status, answer.body]).toEqual([200, { occupied: false }]);
        expect(answer.headers.get("x-carillon-complete")).toBe("false");
      });
      const ended = await pusher.post("/users/nobody/terminate_connections", {});
      expect([ended.status, ended.headers.get("x-carillon-complete")]).toEqual([200, "false"]);
    } finally {
      silent.close();
    }
  });

  it("a store of histories that is away is told of where a cached event is asked for", async () => {
    await using other = await RunningPublisher.start({ history: new BrokenHistory() });
    const answer = await new PusherCaller(other).get("/channels/cache-a", { info: "cache" });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await new PusherCaller(other).get("/channels/cache-a")).toMatchObject({ status: 200 });
  });
});
