import { createHmac } from "node:crypto";
import { RealtimeClient, type WebSocketConstructor } from "@carillon/client";
import { eventually, NativeClient, NatsServer, TcpProxy, TestEndpoint } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { CarillonProcess } from "../support/carillon-process.ts";
import { writeConfig } from "../support/config-file.ts";
import { PusherApplication } from "../support/pusher-app.ts";

const configOf = (gateway: string, more = "") => `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
    clientEvents: { enabled: true, perSecond: 0 }
    limits: { commandsPerSecond: 0 }
${more}
gateway: ${gateway}
`;

const options = { WebSocket: WebSocket as unknown as WebSocketConstructor };

/** What a load balancer is to clients: leads to one gateway, and to another one later. */
async function balancerOf(target: () => CarillonProcess): Promise<TcpProxy> {
  return TcpProxy.start({ targetPort: () => Number(new URL(target().url).port) });
}

describe("SIGTERM", () => {
  test("not ready at once, takes clients for the delay, then sends all of them elsewhere, early and late ones, of every kind", async () => {
    await using nats = await NatsServer.start();
    const args = ["--config", await writeConfig(configOf("{ drain: { delaySeconds: 3, spreadSeconds: 2 } }"))];
    args.push("--nats", nats.url);
    const leaving = await CarillonProcess.start("gateway", args);
    await using staying = await CarillonProcess.start("gateway", args);
    let target = leaving;
    await using balancer = await balancerOf(() => target);
    const host = `http://127.0.0.1:${balancer.port}`;
    await using application = await PusherApplication.start(staying);

    await using modern = new RealtimeClient("app-key", { host, ...options });
    await using streaming = new RealtimeClient("app-key", { host, transports: ["sse"] });
    for (const client of [modern, streaming]) client.subscribe("news");
    const pusher = await application.connect({ url: host }, { id: "ann" });
    pusher.subscribe("news");
    const raw = await Promise.all(Array.from({ length: 30 }, () => NativeClient.open(leaving.webSocketUrl)));
    await eventually(async () => expect(await leaving.metric("carillon_subscriptions")).toBe(3));

    leaving.signal("SIGTERM");
    await eventually(async () => expect((await leaving.readiness()).status).toBe(503));
    expect((await leaving.readiness()).reasons).toEqual(["the process is shutting down"]);
    expect(await leaving.metric("carillon_draining")).toBe(1);
    // The load balancer hasn't noticed yet.
    const late = await NativeClient.open(leaving.webSocketUrl);
    expect(await late.request({ type: "ping" })).toMatchObject({ type: "pong" });
    target = staying;

    const closures = await Promise.all([...raw, late].map((client) => client.closed));
    for (const closure of closures) expect(closure.code).toBe(4200);
    expect(await leaving.exited()).toBe(0);
    await eventually(async () => expect(await staying.metric("carillon_subscriptions")).toBe(3));
    expect([modern.state.status, streaming.state.status, pusher.connection.state]).toEqual(
      new Array(3).fill("connected"),
    );
  });

  test("nobody sees a user leave a presence channel who comes back in time", async () => {
    await using nats = await NatsServer.start();
    const args = ["--config", await writeConfig(configOf("{ drain: { spreadSeconds: 2 } }")), "--nats", nats.url];
    const leaving = await CarillonProcess.start("gateway", args);
    await using staying = await CarillonProcess.start("gateway", args);
    let target = leaving;
    await using balancer = await balancerOf(() => target);
    const host = `ws://127.0.0.1:${balancer.port}`;
    const channel = "presence-lobby";
    const authorized =
      (id: string) =>
      async ({ socketId }: { readonly socketId: string }) => {
        const data = JSON.stringify({ user_id: id });
        const signature = createHmac("sha256", "app-secret").update(`${socketId}:${channel}:${data}`).digest("hex");
        return `app-key:${signature}:${data}`;
      };
    const guests = Array.from({ length: 10 }, (_, index) => {
      const authorizeChannel = authorized(`guest-${index}`);
      return new RealtimeClient("app-key", { host, authorizeChannel, ...options });
    });
    const watcher = new RealtimeClient("app-key", {
      host: staying.url,
      authorizeChannel: authorized("watcher"),
      ...options,
    });
    try {
      for (const guest of guests) guest.subscribe(channel);
      const room = watcher.subscribe(channel);
      await eventually(() => expect(room.presence.count).toBe(11));
      const seen: string[] = [];
      room.presence.on("enter", ({ id }) => seen.push(`+${id}`));
      room.presence.on("leave", ({ id }) => seen.push(`-${id}`));
      target = staying;
      expect(await leaving.stop()).toBe(0);
      await eventually(async () => expect(await staying.metric("carillon_connections")).toBe(11));
      // Whatever was to be told of them is told before this one.
      guests[0]?.close();
      await eventually(() => expect(seen).toContain("-guest-0"));
      expect([seen, room.presence.count]).toEqual([["-guest-0"], 10]);
    } finally {
      for (const client of [...guests, watcher]) client.close();
    }
  });

  test("a second one ends it at once, with 143", async () => {
    await using nats = await NatsServer.start();
    const config = await writeConfig(configOf("{ drain: { delaySeconds: 600 } }"));
    await using gateway = await CarillonProcess.start("gateway", ["--config", config, "--nats", nats.url]);
    gateway.signal("SIGTERM");
    await eventually(async () => expect((await gateway.readiness()).status).toBe(503));
    gateway.signal("SIGTERM");
    expect(await gateway.exited()).toBe(143);
  });

  test("a client that reads nothing, with megabytes before it, doesn't keep the process", async () => {
    await using nats = await NatsServer.start();
    const config = configOf("{ maxBackpressureBytes: 64MiB, drain: { spreadSeconds: 0 } }");
    await using gateway = await CarillonProcess.start("dev", [
      "--config",
      await writeConfig(config),
      "--nats",
      nats.url,
    ]);
    const slow = await NativeClient.open(gateway.webSocketUrl);
    await slow.subscribe("flood");
    slow.pause();
    const payload = "x".repeat(10_000);
    for (let sent = 0; sent < 1500; sent++) {
      expect((await gateway.publish({ channel: "flood", event: "e", payload })).status).toBe(204);
    }
    expect(await gateway.metric("carillon_slow_consumers_total")).toBe(0);
    expect(await gateway.stop()).toBe(0);
    slow.terminate();
  });

  test("what applications were to be told is in the queue before it ends", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    await using endpoint = await TestEndpoint.start();
    const webhooks = `    webhooks: [{ url: "${endpoint.url}", events: [client_event], allowPrivateNetwork: true }]`;
    const config = configOf("{ drain: { spreadSeconds: 0 } }", webhooks);
    const args = ["--config", await writeConfig(config), "--nats", nats.url];
    await using gateway = await CarillonProcess.start("gateway", args);
    const client = await NativeClient.open(gateway.webSocketUrl);
    const signature = createHmac("sha256", "app-secret").update(`${client.connectionId}:private-a`).digest("hex");
    await client.subscribe("private-a", { token: `app-key:${signature}` });
    const replies = Array.from({ length: 200 }, (_, index) =>
      client.request({ type: "publish", channel: "private-a", event: "client-e", payload: index }),
    );
    await Promise.all(replies);
    expect(await gateway.stop()).toBe(0);
    // Nobody was there to deliver anything until now.
    await using _worker = await CarillonProcess.start("webhooks", args);
    await eventually(() => expect(endpoint.taken.flatMap(({ events }) => events)).toHaveLength(200));
  });
});
