import { MemoryBackbone, MemoryBus, MemoryClusterBackbone, MemoryClusterLink } from "@carillon/core";
import { DEV_APP, systemClock } from "@carillon/service";
import { eventually, NativeClient } from "@carillon/testkit";
import { TestGateway } from "@carillon/testkit/gateway";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunningPublisher } from "./support/running-publisher.ts";

const AUTH = { "x-publish-secret": DEV_APP.publishSecret ?? "" };

describe("control › what is asked of all gateways", () => {
  const gateways: TestGateway[] = [];
  const clients: NativeClient[] = [];
  let running: RunningPublisher;

  beforeAll(async () => {
    const backbone = new MemoryBackbone({ clock: systemClock });
    const cluster = new MemoryClusterBackbone();
    for (let index = 0; index < 3; index++) {
      const [bus, clusterLink] = [new MemoryBus(backbone), new MemoryClusterLink(cluster)];
      gateways.push(await TestGateway.start({ bus, clusterLink }));
    }
    running = await RunningPublisher.start({ apps: [DEV_APP], clusterLink: new MemoryClusterLink(cluster) });
  });

  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await running[Symbol.asyncDispose]();
    for (const gateway of gateways) {
      await gateway[Symbol.asyncDispose]();
      await gateway.bus.close();
    }
  });

  async function connect(index: number, token = ""): Promise<NativeClient> {
    const gateway = gateways[index] as TestGateway;
    const client = await NativeClient.open(gateway.webSocketUrl + (token === "" ? "" : `?token=${token}`));
    clients.push(client);
    return client;
  }

  async function enter(index: number, channel: string, userId: string): Promise<NativeClient> {
    const client = await connect(index);
    const data = JSON.stringify({ user_id: userId, user_info: { n: index } });
    const token = (gateways[index] as TestGateway).channelToken(client.connectionId, channel, data);
    await client.subscribe(channel, { token, data });
    return client;
  }

  const get = async (path: string): Promise<unknown> => (await running.get(path, AUTH)).json();

  it("subscriptions are summed over gateways, users counted once", async () => {
    for (const index of [0, 1, 2]) await (await connect(index)).subscribe("sum");
    for (const index of [0, 1]) await enter(index, "presence-sum", "ann");
    await enter(2, "presence-sum", "bob");
    expect(await get("/channels/sum")).toEqual({ channel: "sum", subscriptions: 3, occupied: true, complete: true });
    expect(await get("/channels/presence-sum")).toMatchObject({ subscriptions: 3, users: 2, complete: true });
    expect(await get("/channels/nobody")).toEqual({
      channel: "nobody",
      subscriptions: 0,
      occupied: false,
      complete: true,
    });
    expect(await get("/channels/presence-sum/members")).toEqual({
      channel: "presence-sum",
      count: 2,
      members: [
        { id: "ann", info: { n: 0 } },
        { id: "bob", info: { n: 2 } },
      ],
      complete: true,
    });
  });

  it("channels come by name, once each, page by page", async () => {
    const names = Array.from({ length: 70 }, (_, index) => `page-${String(index).padStart(2, "0")}`);
    for (const index of [0, 1, 2]) {
      const client = await connect(index);
      // Each gateway has others, and some of them twice.
      await client.request({ type: "subscribe", channels: names.filter((_, number) => number % 3 >= index) });
    }
    const seen: string[] = [];
    let after = "";
    do {
      const page = (await get(`/channels?prefix=page-&limit=16&after=${after}`)) as {
        channels: { channel: string; subscriptions: number }[];
        next?: string;
      };
      for (const { channel, subscriptions } of page.channels) {
        seen.push(channel);
        expect(subscriptions).toBe((names.indexOf(channel) % 3) + 1);
      }
      after = page.next ?? "";
    } while (after !== "");
    expect(seen).toEqual(names);
    expect(await get("/channels?prefix=none-")).toEqual({ channels: [], complete: true });
  });

  it("members come page by page, of presence channels only", async () => {
    for (let index = 0; index < 30; index++)
      await enter(index % 3, "presence-page", `u${String(index).padStart(2, "0")}`);
    const seen: string[] = [];
    let after = "";
    do {
      const path = `/channels/presence-page/members?limit=25${after === "" ? "" : `&after=${after}`}`;
      const page = (await get(path)) as { members: { id: string }[]; next?: string; count: number };
      expect(page.count).toBe(30);
      seen.push(...page.members.map(({ id }) => id));
      after = page.next ?? "";
    } while (after !== "");
    expect(seen).toEqual(Array.from({ length: 30 }, (_, index) => `u${String(index).padStart(2, "0")}`));
    expect(await get("/channels/presence-nobody/members")).toMatchObject({ count: 0, members: [], complete: true });
    expect(await get("/channels/plain/members")).toMatchObject({ code: "not_found" });
  });

  it("a user's connections are found, and ended, on whatever gateway they are; the others stay", async () => {
    const token = await (gateways[0] as TestGateway).connectionToken({ sub: "eve", capabilities: {}, ttlSeconds: 60 });
    const mine = [await connect(0, token), await connect(1, token), await enter(2, "presence-eve", "eve")];
    const other = await connect(1);
    const found = (await get("/connections?user=eve")) as { connections: string[]; count: number };
    expect(found.count).toBe(3);
    expect([...found.connections].sort()).toEqual(mine.map(({ connectionId }) => connectionId).sort());
    const ended = await running.post("/connections/disconnect", { user: "eve" }, AUTH);
    expect(await ended.json()).toEqual({ disconnected: 3, complete: true });
    for (const client of mine) expect((await client.closed).code).toBe(4013);
    const one = await running.post("/connections/disconnect", { connection: other.connectionId }, AUTH);
    expect(await one.json()).toEqual({ disconnected: 1, complete: true });
    expect((await other.closed).code).toBe(4013);
    const again = await running.post("/connections/disconnect", { connection: other.connectionId }, AUTH);
    await eventually(async () => expect(await get("/connections?user=eve")).toMatchObject({ count: 0 }));
    expect(again.status).toBe(200);
  });

  it("the connections that showed a token are ended by its id, on whatever gateway; the user's others stay", async () => {
    const claims = { sub: "kim", capabilities: {}, ttlSeconds: 60 };
    const [first] = gateways as [TestGateway];
    const shown = await first.connectionToken({ ...claims, jti: "token-1" });
    const other = await first.connectionToken({ ...claims, jti: "token-2" });
    const mine = [await connect(0, shown), await connect(2, shown)];
    const refreshed = await connect(1, other);
    const stays = await connect(1, other);
    expect(await refreshed.request({ type: "refresh", token: shown })).toMatchObject({ type: "refreshed" });
    const ended = await running.post("/connections/disconnect", { token: "token-1" }, AUTH);
    expect(await ended.json()).toEqual({ disconnected: 3, complete: true });
    for (const client of [...mine, refreshed]) expect((await client.closed).code).toBe(4013);
    expect(await stays.request({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  it("connections are counted over all gateways", async () => {
    await eventually(async () => {
      const open = gateways.reduce((sum, { gateway }) => sum + gateway.connections, 0);
      expect(open).toBeGreaterThan(10);
      expect(await get("/connections")).toEqual({ count: open });
    });
  });

  it.each([
    ["/channels?limit=0", 400, "invalid_field"],
    ["/channels?limit=1001", 400, "invalid_field"],
    ["/channels?prefx=a", 400, "invalid_field"],
    ["/channels?after=a&after=b", 400, "invalid_field"],
    ["/channels/a?limit=1", 400, "invalid_field"],
    ["/channels/a%20b", 400, "invalid_channel"],
    ["/channels/%ff/members", 400, "invalid_channel"],
    ["/connections?user=", 400, "invalid_field"],
  ])("GET %s is refused with %i %s", async (path, status, code) => {
    const response = await running.get(path, AUTH);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
  });

  it.each([
    [{}, "missing_field"],
    [{ user: "a", connection: "1.2" }, "missing_field"],
    [{ user: "a", token: "b" }, "missing_field"],
    [{ token: "" }, "invalid_field"],
    [{ user: 5 }, "invalid_field"],
    [{ user: "x".repeat(129) }, "invalid_field"],
    [{ connection: "nonsense" }, "invalid_field"],
    ["not json", "invalid_json"],
    ["x".repeat(5000), "message_too_large"],
  ])("a disconnect of %j is refused with %s", async (body, code) => {
    const response = await running.post("/connections/disconnect", body, AUTH);
    expect(await response.json()).toMatchObject({ code });
  });

  it("nobody without the app's secret is told anything", async () => {
    for (const path of ["/channels", "/channels/a", "/channels/presence-a/members", "/connections"]) {
      expect((await running.get(path, { "x-publish-secret": "wrong" })).status).toBe(401);
    }
    const response = await running.post("/connections/disconnect", { user: "a" }, { "x-publish-secret": "wrong" });
    expect(response.status).toBe(401);
  });
});
