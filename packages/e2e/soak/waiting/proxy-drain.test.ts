import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { RealtimeClient, type WebSocketConstructor } from "@carillon/client";
import { eventually, NatsServer, TcpProxy } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { CarillonProcess } from "../../test/support/carillon-process.ts";
import { writeConfig } from "../../test/support/config-file.ts";
import { PusherApplication } from "../../test/support/pusher-app.ts";
import { BIN, carillon } from "../../test/support/run.ts";

const CONFIG = `
apps: [{ id: "1001", key: app-key, secrets: [app-secret], publishSecret: guide-secret }]
channels: [{ match: "orders-*", history: { messages: 1000, maxAge: 1h } }]
gateway: { drain: { delaySeconds: 0, spreadSeconds: 1 } }
`;
/** From where each of two proxies connects to gateways. */
const ADDRESSES = ["127.0.0.2", "127.0.0.3"] as const;
const CLIENTS = 40;
const PUBLISH_PAUSE_MS = 10;
const options = { WebSocket: WebSocket as unknown as WebSocketConstructor };

/** Two gateways and a publisher on one NATS, two proxies that lead to both gateways, and what leads clients to the proxies by turns. */
async function installation() {
  const nats = await NatsServer.start({ jetStream: true });
  const args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
  const gateways = [await CarillonProcess.start("gateway", args), await CarillonProcess.start("gateway", args)];
  const publisher = await CarillonProcess.start("publisher", args);
  let [gatewayTurn, proxyTurn] = [0, 0];
  const nextGateway = () => Number(new URL(gateways[gatewayTurn++ % gateways.length]?.url ?? "").port);
  const proxies = await Promise.all(
    ADDRESSES.map((localAddress) => TcpProxy.start({ targetPort: nextGateway, localAddress })),
  );
  let inService: readonly TcpProxy[] = proxies;
  const front = await TcpProxy.start({ targetPort: () => inService[proxyTurn++ % inService.length]?.port ?? 0 });
  const [leaving, staying] = proxies as [TcpProxy, TcpProxy];
  return {
    nats,
    gateways,
    publisher,
    leaving,
    host: `ws://127.0.0.1:${front.port}`,
    takeOutOfService: () => {
      inService = [staying];
    },
    countThrough: async (address: string) => {
      const { stdout } = await carillon(["drain", "--via", address, "--dry-run", "--nats", nats.url]);
      return Number(/^(\d+) connections? come/.exec(stdout)?.[1]);
    },
    async [Symbol.asyncDispose]() {
      await front.stop();
      for (const each of [...gateways, publisher]) await each[Symbol.asyncDispose]();
      await Promise.all(proxies.map((each) => each.stop()));
      await nats.stop();
    },
  };
}

const sum = async (gateways: readonly CarillonProcess[], metric: string) =>
  (await Promise.all(gateways.map((each) => each.metric(metric)))).reduce((left, right) => left + right);

/** A client on a channel with a history: what it got, and how its connections ended. */
function follow(host: string, channel: string) {
  const client = new RealtimeClient("app-key", { host, ...options });
  const got: number[] = [];
  const ends: (number | undefined)[] = [];
  const gaps: string[] = [];
  const subscription = client.subscribe(channel);
  subscription.bind("numbered", (payload: unknown) => got.push(payload as number));
  subscription.on("gap", ({ reason }) => gaps.push(reason));
  client.on("state", (state) => {
    if (state.status === "waiting") ends.push(state.reason?.closeCode);
  });
  return { client, subscription, got, ends, gaps };
}

describe.concurrent("carillon drain", () => {
  test("all clients of one proxy come back through the other, none of the other's is touched, and nobody misses anything", async () => {
    await using world = await installation();
    const { gateways, publisher, leaving, host, nats, takeOutOfService, countThrough } = world;
    const followers = Array.from({ length: CLIENTS }, (_, index) => follow(host, `orders-${index % 4}`));
    await using application = await PusherApplication.start(publisher);
    const pusher = await application.connect({ url: host.replace("ws", "http") }, { id: "ann" });
    try {
      await eventually(async () => expect(await sum(gateways, "carillon_subscriptions")).toBe(CLIENTS));
      const before = await countThrough(ADDRESSES[0]);
      expect(before).toBeGreaterThan(CLIENTS / 4);
      let published = 0;
      let isOver = false;
      const publishing = (async () => {
        for (; !isOver; published++) {
          for (let index = 0; index < 4; index++) {
            const event = { channel: `orders-${index}`, event: "numbered", payload: published };
            expect((await publisher.publish(event)).status).toBe(204);
          }
          await pause(PUBLISH_PAUSE_MS);
        }
      })();

      takeOutOfService();
      const args = ["drain", "--via", ADDRESSES[0], "--spread", "2s", "--nats", nats.url];
      const outcome = await carillon(args);
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
      expect(outcome.stdout).toContain(`${before} connections come through ${ADDRESSES[0]}, on 2 gateways`);
      // Nobody notices its end any more.
      await leaving.stop();
      await eventually(async () => expect(await sum(gateways, "carillon_subscriptions")).toBe(CLIENTS));
      isOver = true;
      await publishing;

      const all = Array.from({ length: published }, (_, index) => index);
      await eventually(() => {
        for (const { got } of followers) expect(got.at(-1)).toBe(published - 1);
      });
      for (const { got, gaps } of followers) expect([got, gaps]).toEqual([all, []]);
      const ends = followers.map((follower) => follower.ends);
      const asked = ends.filter((each) => each.length > 0);
      for (const each of asked) expect(each).toEqual([4203]);
      const pushers = before - asked.length;
      expect([0, 1]).toContain(pushers);
      expect(await sum(gateways, "carillon_connections_drained_total")).toBe(before);
      expect(pusher.connection.state).toBe("connected");
      expect(await countThrough(ADDRESSES[1])).toBe(CLIENTS + 1);
    } finally {
      for (const { client } of followers) client.close();
      pusher.disconnect();
    }
  }, 90_000);

  test("where clients are still led to it, it says so, and exits with 1", async () => {
    await using world = await installation();
    // So many are never all away at once.
    const followers = Array.from({ length: 8 }, () => follow(world.host, "orders-1"));
    await eventually(async () => expect(await sum(world.gateways, "carillon_subscriptions")).toBe(followers.length));
    // Both proxies, so whoever comes back is asked again.
    const args = ["drain", "--via", ADDRESSES.join(","), "--spread", "0", "--nats", world.nats.url];
    const { code, stderr } = await carillon(args);
    expect([code, stderr]).toEqual([1, expect.stringContaining("take it out of service first")]);
    for (const { client } of followers) client.close();
  }, 60_000);

  test("--on-sigterm: it tries whether it will be heard, waits, and has clients come back when it is told to end, even while NATS is away", async () => {
    await using world = await installation();
    const { client, ends } = follow(world.host, "orders-1");
    await eventually(async () => expect(await sum(world.gateways, "carillon_subscriptions")).toBe(1));
    const config = await writeConfig(`nats: { servers: ["${world.nats.url}"] }`);
    const via = ["--via", ADDRESSES[0], "--config", config];
    const child = spawn(process.execPath, [BIN, "drain", "--on-sigterm", "--spread", "1", ...via]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => {
        output += data.toString();
      });
    }
    const exited = once(child, "exit");
    await eventually(() => expect(output).toMatch(/^1 connection comes through/));
    expect(ends).toEqual([]);
    world.takeOutOfService();
    await world.nats.kill();
    child.kill("SIGTERM");
    await eventually(() => expect(output).toContain("It is tried again"), { timeoutMs: 30_000 });
    await world.nats.restart();
    expect((await exited)[0]).toBe(0);
    await world.leaving.stop();
    await eventually(() => expect(client.state.status).toBe("connected"));
    expect(ends).toEqual([4203]);
    client.close();
  }, 60_000);
});

describe.concurrent("what can be wrong", () => {
  test("an address that is none, or is missing: 64, with an example", async () => {
    const wrong = await carillon(["drain", "--via", "10.0.0.300,proxy.example"]);
    expect(wrong).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/10\.0\.0\.300.*is no IP address.*10\.0\.3\.7/),
    });
    expect(await carillon(["drain"])).toMatchObject({ code: 64, stderr: expect.stringContaining("--via <addresses>") });
    const spread = await carillon(["drain", "--via", "10.0.0.7", "--spread", "1h"]);
    expect(spread).toMatchObject({ code: 64, stderr: expect.stringContaining("whole number of seconds") });
  });

  test("no NATS is named: 64; it can't be reached: 69", async () => {
    const none = await carillon(["drain", "--via", "10.0.0.7"]);
    expect(none).toMatchObject({ code: 64, stderr: expect.stringContaining("--nats") });
    const away = await carillon(["drain", "--via", "10.0.0.7", "--nats", "nats://127.0.0.1:1"]);
    expect(away).toMatchObject({ code: 69, stderr: expect.stringContaining("127.0.0.1:1") });
  });

  test("nobody answers: 69; nobody came through it: 0 connections, and 0", async () => {
    await using nats = await NatsServer.start();
    const args = ["drain", "--via", "10.0.0.7", "--nats", nats.url];
    expect(await carillon(args)).toMatchObject({ code: 69, stderr: expect.stringContaining("no gateway answered") });
    const config = await writeConfig(CONFIG);
    await using _gateway = await CarillonProcess.start("gateway", ["--config", config, "--nats", nats.url]);
    const { code, stdout } = await carillon(args);
    expect([code, stdout]).toEqual([0, "0 connections come through 10.0.0.7, on 1 gateway\n"]);
  });
});
