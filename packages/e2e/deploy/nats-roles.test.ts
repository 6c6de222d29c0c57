import { createHmac } from "node:crypto";
import { join } from "node:path";
import { CarillonServer } from "@carillon/server";
import { eventually, NativeClient, PusherClient, TestEndpoint } from "@carillon/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REPOSITORY } from "../image/files.ts";
import { CarillonProcess } from "../test/support/carillon-process.ts";
import { writeConfig } from "../test/support/config-file.ts";
import { publishLine, refusalOf, subscribeLine } from "./support/bare-nats.ts";
import { NatsInProduction } from "./support/nats-cluster.ts";
import { outcomeOf } from "./support/tools.ts";

const SECRET = "a-secret-of-this-test";

const configOf = (nats: string, endpoint: string) => `
apps:
  - id: "1001"
    key: app-key
    secrets: [${SECRET}]
    publishSecret: guide-secret
    clientEvents: { enabled: true }
    webhooks: [{ url: "${endpoint}", allowPrivateNetwork: true }]
channels:
  - { match: "orders-*", history: { messages: 50, maxAge: 1h } }
  - { match: "private-orders-*", history: { messages: 50, maxAge: 1h } }
gateway: { drain: { delaySeconds: 0, spreadSeconds: 1 } }
nats: ${nats}
`;

let nats: NatsInProduction;
let endpoint: TestEndpoint;
let gateways: CarillonProcess[] = [];
let publisher: CarillonProcess;
let worker: CarillonProcess;
let workerConfig = "";

beforeAll(async () => {
  [nats, endpoint] = await Promise.all([NatsInProduction.start(), TestEndpoint.start()]);
  const args = async (role: "gateway" | "publisher" | "webhooks") => [
    "--config",
    await writeConfig(configOf(nats.configFor(role), endpoint.url)),
  ];
  workerConfig = (await args("webhooks"))[1] ?? "";
  // Two at a time: a start takes a core for itself.
  gateways = await Promise.all([1, 2].map(async () => CarillonProcess.start("gateway", await args("gateway"))));
  publisher = await CarillonProcess.start("publisher", await args("publisher"));
  worker = await CarillonProcess.start("webhooks", ["--config", workerConfig]);
});

afterAll(async () => {
  await Promise.all([...gateways, publisher, worker].map((each) => each?.[Symbol.asyncDispose]()));
  await endpoint?.[Symbol.asyncDispose]();
  await nats?.[Symbol.asyncDispose]();
});

const at = (index: number) => gateways[index] as CarillonProcess;
const api = (path: string, init: RequestInit = {}) =>
  fetch(`${publisher.url}${path}`, {
    ...init,
    headers: { "content-type": "application/json", "x-publish-secret": "guide-secret" },
  });
const post = (path: string, body: unknown) => api(path, { method: "POST", body: JSON.stringify(body) });

/** A Pusher client on a private or presence channel, with what the application would sign. */
async function pusherOn(gateway: CarillonProcess, channel: string, data?: string): Promise<PusherClient> {
  const client = await PusherClient.open(`${gateway.webSocketUrl.replace(/\/ws$/, "")}/app/app-key?protocol=7`);
  const text = [client.socketId, channel, ...(data === undefined ? [] : [data])].join(":");
  const auth = `app-key:${createHmac("sha256", SECRET).update(text).digest("hex")}`;
  await client.subscribe(channel, { auth, ...(data === undefined ? {} : { channel_data: data }) });
  return client;
}

describe("roles › each works with its own credentials", () => {
  test("publishing without a history, with one, and under an id; delivery on every gateway", async () => {
    const clients = await Promise.all(gateways.map(({ webSocketUrl }) => NativeClient.open(webSocketUrl)));
    for (const client of clients) for (const channel of ["news", "orders-1"]) await client.subscribe(channel);
    for (const body of [
      { channel: "news", event: "e", payload: 1 },
      { channel: "orders-1", event: "e", payload: 2 },
      { channel: "news", event: "e", payload: 3, id: "once" },
      { channel: "news", event: "e", payload: 3, id: "once" },
      { channel: "orders-1", event: "e", payload: 4, id: "kept-once" },
      { channel: "orders-1", event: "e", payload: 4, id: "kept-once" },
      { channel: "news", event: "end", payload: 5 },
    ]) {
      expect((await publisher.publish(body)).status).toBe(204);
    }
    for (const client of clients) {
      await client.nextFrame(({ event }) => event === "end");
      await client.events(5);
      expect(client.deliveries.map(({ payload }) => payload).sort()).toEqual([1, 2, 3, 4, 5]);
      await client.close();
    }
  });

  test("reading a history over HTTP, and recovering from it on another gateway", async () => {
    const first = await NativeClient.open(at(0).webSocketUrl);
    await first.subscribe("orders-2");
    await publisher.publish({ channel: "orders-2", event: "e", payload: "seen" });
    const [seen] = await first.events(1);
    await first.close();
    await publisher.publish({ channel: "orders-2", event: "e", payload: "missed" });
    await using second = await NativeClient.open(at(1).webSocketUrl);
    const answer = await second.request({ type: "subscribe", channel: "orders-2", recover: seen?.["position"] });
    expect(answer).toMatchObject({ type: "subscribed", recovered: true });
    expect((await second.events(1)).map(({ payload }) => payload)).toEqual(["missed"]);
    const { publications } = (await (await api("/channels/orders-2/history")).json()) as {
      publications: { payload: unknown }[];
    };
    expect(publications.map(({ payload }) => payload)).toEqual(["seen", "missed"]);
  });

  test("client events without and with a history, and presence over both gateways", async () => {
    for (const channel of ["private-room", "private-orders-3"]) {
      await using one = await pusherOn(at(0), channel);
      await using other = await pusherOn(at(1), channel);
      one.send("client-typing", { n: 1 }, channel);
      await other.next("client-typing", channel);
    }
    await using ann = await pusherOn(at(0), "presence-room", '{"user_id":"ann"}');
    await using bob = await pusherOn(at(1), "presence-room", '{"user_id":"bob"}');
    await ann.next("pusher_internal:member_added", "presence-room");
    bob.terminate();
    await ann.next("pusher_internal:member_removed", "presence-room");
    const { user_count: users } = (await (await api("/channels/presence-room?info=user_count")).json()) as {
      user_count?: number;
    };
    expect(users ?? 1).toBe(1);
  });

  test("blocks: the publisher stores them, and every gateway keeps to them", async () => {
    const server = new CarillonServer({ host: publisher.url, appId: "1001", key: "app-key", secret: SECRET });
    const token = server.createToken({ userId: "mallory" });
    const url = (gateway: CarillonProcess) => `${gateway.webSocketUrl}?token=${token}`;
    const inside = await NativeClient.open(url(at(0)));
    expect(await (await post("/blocks", { user: "mallory", seconds: 60 })).json()).toMatchObject({
      disconnected: 1,
      complete: true,
    });
    expect((await inside.closed).code).toBe(4014);
    expect((await (await NativeClient.connect(url(at(1)))).closed).code).toBe(4014);
    expect(await (await api("/blocks?user=mallory", { method: "DELETE" })).json()).toMatchObject({ removed: true });
    await using again = await NativeClient.open(url(at(1)));
    expect(again.connectionId).not.toBe("");
  });

  test("webhooks: gateways queue, the worker tells; a tool with the worker's credentials reads what was given up", async () => {
    await using client = await NativeClient.open(at(0).webSocketUrl);
    await client.subscribe("hooked");
    await eventually(
      () => {
        const told = endpoint.taken.flatMap(({ events }) => events);
        expect(told.map(({ name, channel }) => `${name} ${channel}`)).toContain("channel_occupied hooked");
      },
      { timeoutMs: 30_000 },
    );
    const bin = join(REPOSITORY, "packages/carillon/bin/carillon.js");
    const outcome = await outcomeOf(process.execPath, [bin, "webhooks", "dead", "--config", workerConfig]);
    expect(outcome).toMatchObject({ code: 0 });
  });

  test("who stops a proxy has its clients come back, with credentials that do nothing else", async () => {
    await using client = await NativeClient.open(at(0).webSocketUrl);
    const bin = join(REPOSITORY, "packages/carillon/bin/carillon.js");
    const config = await writeConfig(`nats: ${nats.configFor("proxy")}`);
    const args = [bin, "drain", "--via", "127.0.0.1", "--spread", "1", "--config", config];
    const outcome = await outcomeOf(process.execPath, args);
    expect(outcome).toMatchObject({ code: 0 });
    expect((await client.closed).code).toBe(4203);
  });

  test("nothing was refused to any of them", async () => {
    const lines = [...gateways, publisher, worker].flatMap(({ log }) => log.split("\n"));
    // An event that operators are told to look for.
    expect(lines.filter((line) => line.includes('"event":"nats_permission_denied"'))).toEqual([]);
  });
});

type Role = "gateway" | "publisher" | "webhooks" | "proxy" | "admin" | "system";

const say = (role: Role, line: string) =>
  refusalOf(
    {
      port: nats.ports.nats[0]?.port ?? 0,
      ca: nats.certificates.ca,
      user: { user: role, password: nats.secrets.nats[role] },
    },
    line,
  );

describe("roles › what is not theirs is refused by the server", () => {
  test.each<[Role, string]>([
    ["gateway", publishLine("$JS.API.STREAM.DELETE.CARILLON_HIST_0")],
    ["gateway", publishLine("$JS.API.STREAM.PURGE.CARILLON_BLOCKS")],
    ["gateway", publishLine("$JS.API.STREAM.CREATE.MINE")],
    ["gateway", publishLine("$JS.API.CONSUMER.MSG.NEXT.CARILLON_HOOKS.lane")],
    ["gateway", publishLine("carillon.block.1001.user.ann")],
    ["gateway", publishLine("carillon.dead.1001.a.0")],
    ["gateway", subscribeLine(">")],
    ["gateway", subscribeLine("_INBOX_publisher.>")],
    ["gateway", subscribeLine("_INBOX.>")],
    ["gateway", subscribeLine("$SYS.>")],
    ["publisher", publishLine("$JS.API.STREAM.DELETE.CARILLON_HIST_0")],
    ["publisher", publishLine("$JS.API.STREAM.PURGE.CARILLON_HIST_0")],
    ["publisher", publishLine("carillon.hook.1001.a.0")],
    ["publisher", subscribeLine(">")],
    ["publisher", subscribeLine("carillon.pub.>")],
    ["publisher", subscribeLine("_INBOX_gateway.>")],
    ["webhooks", publishLine("carillon.pub.1001.00.news")],
    ["webhooks", publishLine("carillon.hist.1001.00.news")],
    ["webhooks", publishLine("carillon.block.1001.user.ann")],
    ["webhooks", publishLine("$JS.API.STREAM.DELETE.CARILLON_HOOKS")],
    ["webhooks", publishLine("$JS.API.DIRECT.GET.CARILLON_HIST_0")],
    ["webhooks", subscribeLine("carillon.pub.>")],
    ["publisher", publishLine("carillon.drain")],
    ["webhooks", publishLine("carillon.drain")],
    ["proxy", publishLine("carillon.ctl.all")],
    ["proxy", publishLine("carillon.pub.1001.00.news")],
    ["proxy", publishLine("_INBOX_proxy.forged")],
    ["proxy", publishLine("$JS.API.STREAM.LIST")],
    ["proxy", subscribeLine("carillon.drain")],
    ["proxy", subscribeLine("carillon.ctl.>")],
    ["proxy", subscribeLine(">")],
  ])("%s › %s", async (role, line) => {
    expect(await say(role, line)).toMatch(/^Permissions Violation/);
  });

  test.each<[Role, string]>([
    ["gateway", publishLine("$JS.API.STREAM.PURGE.CARILLON_HIST_0", '{"filter":"carillon.hist.nobody.>"}')],
    ["gateway", subscribeLine("carillon.pub.>")],
    // A partition's wildcard.
    ["gateway", subscribeLine("carillon.pub.*.a7.*")],
    ["publisher", publishLine("carillon.pub.1001.00.news")],
    ["webhooks", publishLine("$JS.API.CONSUMER.MSG.NEXT.CARILLON_HOOKS.lane")],
    ["proxy", publishLine("carillon.drain")],
    ["proxy", subscribeLine("_INBOX_proxy.>")],
    ["admin", publishLine("$JS.API.STREAM.LIST")],
    ["admin", subscribeLine("carillon.pub.>")],
    ["system", subscribeLine("$SYS.>")],
  ])("%s › %s is theirs", async (role, line) => {
    expect(await say(role, line)).toBeNull();
  });

  test("who has no name, or a wrong password, gets nowhere", async () => {
    const where = { port: nats.ports.nats[0]?.port ?? 0, ca: nats.certificates.ca };
    expect(await refusalOf(where, "")).toMatch(/^Authorization Violation/);
    const wrong = { ...where, user: { user: "gateway", password: nats.secrets.nats.publisher } };
    expect(await refusalOf(wrong, "")).toMatch(/^Authorization Violation/);
  });
});
