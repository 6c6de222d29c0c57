import {
  type ConversingClient,
  eventually,
  HttpClient,
  NativeClient,
  NatsServer,
  RoundRobinProxy,
} from "@carillon/testkit";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBrowser } from "../test/support/browser.ts";
import { CarillonProcess } from "../test/support/carillon-process.ts";
import { writeConfig } from "../test/support/config-file.ts";
import { servePage } from "../test/support/page-server.ts";
import { publish, SETTLE, upTo } from "../test/support/publishing.ts";

const CONFIG = `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
    clientEvents: { enabled: true, perSecond: 0 }
    limits: { commandsPerSecond: 0 }
gateway: { drain: { delaySeconds: 0, spreadSeconds: 1 } }
channels:
  - { match: "orders-*", history: { messages: 1000, maxAge: 1h } }
`;

/** How many events a client has to get. */
const EVENTS = 1000;

const payloadsOf = (client: ConversingClient) => client.deliveries.map(({ payload }) => payload);

async function signatureOf(connectionId: string, channel: string): Promise<string> {
  const { createHmac } = await import("node:crypto");
  return `app-key:${createHmac("sha256", "app-secret").update(`${connectionId}:${channel}`).digest("hex")}`;
}

describe("fallback › three gateways on NATS behind a proxy that brings each request to the next one", () => {
  let nats: NatsServer;
  let gateways: CarillonProcess[];
  let publisher: CarillonProcess;
  let proxy: RoundRobinProxy;
  let args: readonly string[];

  beforeAll(async () => {
    nats = await NatsServer.start({ jetStream: true });
    args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
    [publisher, ...gateways] = await Promise.all([
      CarillonProcess.start("publisher", args),
      ...upTo(3).map(() => CarillonProcess.start("gateway", args)),
    ]);
    proxy = await RoundRobinProxy.start(() => gateways.map(({ url }) => url));
  });

  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await Promise.all([publisher, ...(gateways ?? [])].map((each) => each?.[Symbol.asyncDispose]()));
    await nats?.stop();
  });

  const idle = () =>
    eventually(
      async () => {
        for (const gateway of gateways) {
          for (const metric of ["carillon_connections", "carillon_fallback_sessions", "carillon_fallback_relayed"]) {
            expect([metric, await gateway.metric(metric)]).toEqual([metric, 0]);
          }
        }
      },
      { timeoutMs: 30_000 },
    );

  test.each(["sse", "poll"] as const)(
    "%s › a thousand events come once each and in order, and a thousand posts arrive so",
    async (transport) => {
      const client = await HttpClient.open(proxy.url, { transport });
      const channel = `news-${transport}`;
      await client.subscribe(channel);
      // While they are published the client posts, which the same proxy spreads as well.
      const upstream = `private-up-${transport}`;
      await using listener = await NativeClient.open(String(gateways[0]?.webSocketUrl));
      await listener.subscribe(upstream, { token: await signatureOf(listener.connectionId, upstream) });
      await client.subscribe(upstream, { token: await signatureOf(client.connectionId, upstream) });
      for (const number of upTo(EVENTS)) {
        client.send({ type: "publish", channel: upstream, event: "client-up", payload: number });
      }
      await publish(publisher, channel, upTo(EVENTS));
      await client.events(EVENTS);
      await eventually(() => expect(listener.deliveries.length).toBe(EVENTS), SETTLE);
      expect(payloadsOf(client)).toEqual(upTo(EVENTS));
      expect(payloadsOf(listener)).toEqual(upTo(EVENTS));
      expect(client.sessions).toHaveLength(1);
      expect(new Set(client.postStatuses)).toEqual(new Set([204]));
      // No gateway was spared: what makes it right is not luck.
      expect([...proxy.requests.values()].every((count) => count > 100)).toBe(true);
      await client.close();
      listener.terminate();
      await idle();
    },
  );

  test.each(["sse", "poll"] as const)(
    "%s › kill -9 of the session's gateway in the middle: the client is told quickly, and recovers in a new session",
    async (transport) => {
      const channel = `orders-${transport}`;
      const before = await HttpClient.open(proxy.url, { transport });
      await before.subscribe(channel);
      const owners = await Promise.all(gateways.map((gateway) => gateway.metric("carillon_fallback_sessions")));
      const owner = owners.indexOf(1);
      expect(owners.filter((count) => count > 0)).toEqual([1]);
      const publishing = publish(publisher, channel, upTo(EVENTS));
      await eventually(() => expect(before.deliveries.length).toBeGreaterThan(200));
      const [doomed] = gateways.splice(owner, 1);
      await doomed?.kill();
      const killedAtMs = performance.now();
      // A stream comes back to an honest new session; a poll is told that its session is gone.
      const goneWithinMs = async () => {
        if (transport === "poll") await before.closed;
        else await eventually(() => expect(before.sessions).toHaveLength(2), SETTLE);
        return performance.now() - killedAtMs;
      };
      expect(await goneWithinMs()).toBeLessThan(15_000);
      const seen = before.deliveries.filter((delivery) => delivery.channel === channel);
      before.terminate();
      await using after = await HttpClient.open(proxy.url, { transport });
      const recover = seen.at(-1)?.position;
      expect(await after.request({ type: "subscribe", channel, recover })).toMatchObject({ recovered: true });
      await publishing;
      await eventually(() => expect(seen.length + after.deliveries.length).toBeGreaterThanOrEqual(EVENTS), SETTLE);
      expect([...seen.map(({ payload }) => payload), ...payloadsOf(after)]).toEqual(upTo(EVENTS));
      gateways.push(await CarillonProcess.start("gateway", args));
      await after.close();
      await idle();
    },
  );

  test.each(["sse", "poll"] as const)(
    "%s › a session's gateway that stands still for a moment loses nothing of it, either way",
    async (transport) => {
      const client = await HttpClient.open(proxy.url, { transport });
      await client.subscribe("news-frozen");
      const owners = await Promise.all(gateways.map((gateway) => gateway.metric("carillon_fallback_sessions")));
      const pid = Number(gateways[owners.indexOf(1)]?.pid);
      process.kill(pid, "SIGSTOP");
      try {
        for (const id of upTo(3)) client.send({ type: "ping", id: `frozen-${id}` });
        await publish(publisher, "news-frozen", upTo(20));
      } finally {
        process.kill(pid, "SIGCONT");
      }
      await client.events(20);
      for (const id of upTo(3)) await client.nextFrame((frame) => frame["id"] === `frozen-${id}`);
      expect(payloadsOf(client)).toEqual(upTo(20));
      expect(client.frames.filter(({ type }) => type === "pong")).toHaveLength(3);
      await client.close();
      await idle();
    },
  );

  test("a gateway that drains has its clients over HTTP come back, and they miss nothing", async () => {
    const client = await HttpClient.open(proxy.url, { transport: "poll" });
    await client.subscribe("orders-drain");
    const owners = await Promise.all(gateways.map((gateway) => gateway.metric("carillon_fallback_sessions")));
    const [leaving] = gateways.splice(owners.indexOf(1), 1);
    const stopped = leaving?.stop();
    expect(await client.closed).toMatchObject({ code: 4200 });
    expect(client.frames.at(-1)).toMatchObject({ type: "reconnect" });
    expect(await stopped).toBe(0);
    gateways.push(await CarillonProcess.start("gateway", args));
  });

  test("the EventSource of Chromium, on a page of another origin, gets everything, whatever breaks in between", async () => {
    const browser: Browser = await startBrowser();
    await using site = await servePage("<!doctype html><title>site</title>");
    try {
      const page = await browser.newPage();
      await page.goto(site.url);
      await page.evaluate((url) => {
        const state = window as unknown as { payloads: unknown[]; sessions: string[]; source: EventSource };
        state.payloads = [];
        state.sessions = [];
        state.source = new EventSource(url);
        state.source.onmessage = ({ data }) => {
          const frame = JSON.parse(data) as { event?: string; payload?: unknown };
          if (frame.event !== undefined) state.payloads.push(frame.payload);
        };
        state.source.addEventListener("session", ({ data }) => state.sessions.push(data));
      }, `${proxy.url}/sse?channels=browser-a,browser-b`);
      const seen = () =>
        page.evaluate(() => {
          const { payloads, sessions } = window as unknown as { payloads: unknown[]; sessions: string[] };
          return { payloads, sessions };
        });
      await eventually(async () => expect((await seen()).sessions).toHaveLength(1));
      await eventually(async () => {
        const counts = await Promise.all(gateways.map((gateway) => gateway.metric("carillon_subscriptions")));
        expect(Math.max(...counts)).toBe(2);
      });
      await publish(publisher, "browser-a", upTo(10));
      await eventually(async () => expect((await seen()).payloads).toEqual(upTo(10)));
      // The stream goes on wherever it lands.
      proxy.breakConnections();
      await publish(publisher, "browser-b", [11, 12, 13]);
      await eventually(async () => expect((await seen()).payloads).toEqual(upTo(13)), SETTLE);
      const { sessions } = await seen();
      expect(sessions).toHaveLength(2);
      expect(JSON.parse(String(sessions[1]))).toMatchObject({ ...JSON.parse(String(sessions[0])), resumed: true });
    } finally {
      await browser.close();
    }
    await idle();
  });
});
