import {
  BlocksUnavailableError,
  MemoryBackbone,
  MemoryBlockStore,
  MemoryBus,
  MemoryClusterBackbone,
  MemoryClusterLink,
} from "@carillon/core";
import { DEV_APP, systemClock } from "@carillon/service";
import { eventually, NativeClient } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunningPublisher } from "./support/running-publisher.ts";

const AUTH = { "x-publish-secret": DEV_APP.publishSecret ?? "" };

describe("blocks › over HTTP", () => {
  const store = new MemoryBlockStore({ clock: systemClock });
  const gateways: TestGateway[] = [];
  let running: RunningPublisher;

  beforeAll(async () => {
    const backbone = new MemoryBackbone({ clock: systemClock });
    const cluster = new MemoryClusterBackbone();
    for (let index = 0; index < 2; index++) {
      const [bus, clusterLink] = [new MemoryBus(backbone), new MemoryClusterLink(cluster)];
      gateways.push(await TestGateway.start({ bus, clusterLink, blocks: store }));
    }
    const apps = [testApp({ limits: { blocks: 60 } })];
    running = await RunningPublisher.start({ apps, clusterLink: new MemoryClusterLink(cluster), blocks: store });
  });

  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    for (const gateway of gateways) {
      await gateway[Symbol.asyncDispose]();
      await gateway.bus.close();
    }
  });

  async function token(sub: string, jti?: string): Promise<string> {
    const [gateway] = gateways as [TestGateway];
    const capabilities = { "*": ["subscribe", "presence"] } as const;
    return gateway.connectionToken({ sub, capabilities, ttlSeconds: 60, ...(jti === undefined ? {} : { jti }) });
  }

  const urlOf = (index: number, shown: string) => `${(gateways[index] as TestGateway).webSocketUrl}?token=${shown}`;
  const post = async (body: unknown) => (await running.post("/blocks", body, AUTH)).json();
  const get = async (query = "") => (await running.get(`/blocks${query}`, AUTH)).json();
  const remove = (query: string) => fetch(`${running.url}/blocks${query}`, { method: "DELETE", headers: AUTH });

  it("N64 › a user's connections end on all gateways, newcomers are told and turned away, until the block is removed", async () => {
    const shown = await token("ann");
    const clients = await Promise.all([0, 1, 1].map((index) => NativeClient.open(urlOf(index, shown))));
    const other = await NativeClient.open(urlOf(0, await token("bob")));
    const before = Date.now();
    const answer = (await post({ user: "ann", seconds: 60, reason: "spam" })) as { expiresAt: number };
    expect(answer).toEqual({
      user: "ann",
      reason: "spam",
      expiresAt: expect.any(Number),
      disconnected: 3,
      complete: true,
    });
    expect(answer.expiresAt - before).toBeGreaterThanOrEqual(60_000);
    for (const client of clients) expect((await client.closed).code).toBe(4014);
    for (const index of [0, 1]) {
      const refused = await NativeClient.connect(urlOf(index, shown));
      expect((await refused.closed).code).toBe(4014);
      expect(refused.frames).toEqual([{ type: "error", code: "blocked", message: expect.any(String) }]);
    }
    expect(await get("?user=ann")).toEqual({ blocks: [{ user: "ann", reason: "spam", expiresAt: answer.expiresAt }] });
    expect(await (await remove("?user=ann")).json()).toEqual({ removed: true, complete: true });
    expect(await (await remove("?user=ann")).json()).toEqual({ removed: false, complete: true });
    await using again = await NativeClient.open(urlOf(1, shown));
    expect(await again.request({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(await other.request({ type: "ping" })).toMatchObject({ type: "pong" });
    other.terminate();
  });

  it("N64 › a token is blocked by its id, a refresh with it ends the connection, and presence signed for a user is refused", async () => {
    const [gateway] = gateways as [TestGateway];
    const [stolen, fresh] = [await token("kim", "stolen"), await token("kim", "fresh")];
    const thief = await NativeClient.open(urlOf(0, stolen));
    const owner = await NativeClient.open(urlOf(1, fresh));
    expect(await post({ token: "stolen" })).toMatchObject({ token: "stolen", disconnected: 1, complete: true });
    expect((await thief.closed).code).toBe(4014);
    owner.send({ type: "refresh", token: stolen });
    expect((await owner.closed).code).toBe(4014);
    await using guest = await NativeClient.open(gateway.webSocketUrl);
    await post({ user: "eve" });
    const data = JSON.stringify({ user_id: "eve" });
    const proof = gateway.channelToken(guest.connectionId, "presence-a", data);
    const refused = await guest.request({ type: "subscribe", channel: "presence-a", token: proof, data });
    expect(refused).toMatchObject({ type: "error", code: "blocked", channel: "presence-a" });
    await remove("?user=eve");
    await eventually(() => guest.subscribe("presence-a", { token: proof, data }));
  });

  it("blocks are listed page by page, and one over the app's limit is refused until another one goes", async () => {
    const before = ((await get()) as { blocks: unknown[] }).blocks.length;
    for (let index = before; index < 60; index++) await post({ user: `page-${index}` });
    const seen: unknown[] = [];
    let after = "";
    do {
      const page = (await get(`?limit=7&after=${encodeURIComponent(after)}`)) as { blocks: unknown[]; next?: string };
      expect(page.blocks.length).toBeLessThanOrEqual(7);
      seen.push(...page.blocks);
      after = page.next ?? "";
    } while (after !== "");
    expect(new Set(seen.map((each) => JSON.stringify(each))).size).toBe(60);
    const refused = await running.post("/blocks", { user: "one too many" }, AUTH);
    expect([refused.status, await refused.json()]).toEqual([429, expect.objectContaining({ code: "block_limit" })]);
    expect(await post({ user: "page-59", seconds: 60 })).toMatchObject({ complete: true });
    await remove("?user=page-59");
    expect(await post({ user: "one too many" })).toMatchObject({ complete: true });
  });

  it.each([
    [{}, "missing_field"],
    [{ user: "a", token: "b" }, "missing_field"],
    [{ connection: "1.2" }, "missing_field"],
    [{ user: "" }, "invalid_field"],
    [{ token: 5 }, "invalid_field"],
    [{ user: "a", seconds: 0 }, "invalid_field"],
    [{ user: "a", seconds: 1.5 }, "invalid_field"],
    [{ user: "a", seconds: 31_536_001 }, "invalid_field"],
    [{ user: "a", reason: "" }, "invalid_field"],
    [{ user: "a", reason: "x".repeat(201) }, "invalid_field"],
    ["not json", "invalid_json"],
    ["x".repeat(5000), "message_too_large"],
  ])("a block of %j is refused with %s", async (body, code) => {
    expect(await post(body)).toMatchObject({ code });
  });

  it.each([
    ["", "missing_field"],
    ["?user=a&token=b", "missing_field"],
    ["?user=a&user=b", "invalid_field"],
    ["?name=a", "invalid_field"],
  ])("a removal with the query %j is refused with %s", async (query, code) => {
    expect(await (await remove(query)).json()).toMatchObject({ code });
  });

  it("nobody without the app's secret blocks, unblocks or is told anything", async () => {
    const wrong = { "x-publish-secret": "wrong" };
    const answers = [
      await running.get("/blocks", wrong),
      await running.post("/blocks", { user: "a" }, wrong),
      await fetch(`${running.url}/blocks?user=a`, { method: "DELETE", headers: wrong }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
  });
});

/** A store that has gone away. */
class AwayStore extends MemoryBlockStore {
  override put(): Promise<never> {
    return Promise.reject(new BlocksUnavailableError("NATS is not connected"));
  }
  override remove(): Promise<never> {
    return this.put();
  }
  override refresh(): Promise<never> {
    return this.put();
  }
}

it("blocks › while the store is away every call is refused with 503 and when to try again", async () => {
  await using running = await RunningPublisher.start({ blocks: new AwayStore({ clock: systemClock }) });
  const secret = { "x-publish-secret": "publish-secret-of-shop" };
  const answers = [
    await running.post("/blocks", { user: "a" }),
    await running.get("/blocks"),
    await running.get("/blocks?user=a"),
    await fetch(`${running.url}/blocks?user=a`, { method: "DELETE", headers: secret }),
  ];
  for (const answer of answers) {
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await answer.json()).toMatchObject({ code: "blocks_unavailable" });
  }
});
