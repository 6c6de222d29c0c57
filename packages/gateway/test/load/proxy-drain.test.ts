import { CLOSE_CODES } from "@carillon/protocol";
import { eventually, FakeClock, HttpClient, NativeClient, RoundRobinProxy, TcpProxy } from "@carillon/testkit";
import { TestGateway } from "@carillon/testkit/gateway";
import { describe, expect, test } from "vitest";
import { GatewayCluster } from "../support/gateway-cluster.ts";

/** A proxy before a gateway, as the gateway sees it. */
const proxyTo = (gateway: TestGateway, localAddress: string) =>
  TcpProxy.start({ targetPort: () => Number(new URL(gateway.url).port), localAddress });

const LEAVING = "127.0.0.2";
const STAYING = "127.0.0.3";
const now = (via: readonly string[]) => ({ via, spreadMs: 0, isDryRun: false });

describe("a proxy that is about to end", () => {
  test("whose clients are asked to come back, each in its protocol's form, and nobody else's", async () => {
    await using gateway = await TestGateway.start();
    await using leaving = await proxyTo(gateway, LEAVING);
    await using staying = await proxyTo(gateway, STAYING);
    const native = await NativeClient.open(`ws://127.0.0.1:${leaving.port}/ws`);
    const pusher = await NativeClient.connect(gateway.pusherUrl.replace(/:\d+\//, `:${leaving.port}/`));
    await using other = await NativeClient.open(`ws://127.0.0.1:${staying.port}/ws`);
    await using direct = await NativeClient.open(gateway.webSocketUrl);
    await eventually(() => expect(gateway.gateway.connections).toBe(4));
    expect(gateway.gateway.drainProxy(now([LEAVING]))).toBe(2);
    expect(await native.closed).toEqual(CLOSE_CODES.proxy_drain);
    expect(native.frames.at(-1)).toMatchObject({ type: "reconnect", delayMs: expect.any(Number) });
    expect(await pusher.closed).toEqual(CLOSE_CODES.proxy_drain);
    expect(gateway.counters.connectionsDrained).toEqual(new Map([["proxy", 2]]));
    for (const client of [other, direct])
      expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(gateway.gateway.drainProxy(now([LEAVING, "fd00::1"]))).toBe(0);
  });

  test("a trial counts, and asks nobody", async () => {
    await using gateway = await TestGateway.start();
    await using leaving = await proxyTo(gateway, LEAVING);
    await using client = await NativeClient.open(`ws://127.0.0.1:${leaving.port}/ws`);
    expect(gateway.gateway.drainProxy({ ...now([LEAVING]), isDryRun: true })).toBe(1);
    expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(gateway.counters.connectionsDrained).toEqual(new Map());
  });

  test("they are asked one after the other, over the time that was named", async () => {
    const clock = new FakeClock(Date.now());
    await using gateway = await TestGateway.start({ clock });
    await using leaving = await proxyTo(gateway, LEAVING);
    const url = `ws://127.0.0.1:${leaving.port}/ws`;
    const clients = await Promise.all(Array.from({ length: 40 }, () => NativeClient.open(url)));
    gateway.gateway.drainProxy({ ...now([LEAVING]), spreadMs: 1000 });
    const left: number[] = [];
    for (let passedMs = 0; passedMs < 1000; passedMs += 100) {
      for (let step = 0; step < 100; step += 5) {
        clock.advance(5);
        await Promise.resolve();
        await Promise.resolve();
      }
      left.push(gateway.gateway.connections);
    }
    // Four in each tenth, each at a moment of its own.
    for (const [index, count] of left.entries()) expect(Math.abs(count - (36 - index * 4))).toBeLessThanOrEqual(1);
    for (const client of clients) expect(await client.closed).toEqual(CLOSE_CODES.proxy_drain);
  });

  test("more requests than can be under way ask nobody, until some are done", async () => {
    const clock = new FakeClock(Date.now());
    await using gateway = await TestGateway.start({ clock });
    await using leaving = await proxyTo(gateway, LEAVING);
    const url = `ws://127.0.0.1:${leaving.port}/ws`;
    // Some of them may be asked at once; enough are left for each request to wait for the next one.
    const early = await Promise.all(Array.from({ length: 40 }, () => NativeClient.open(url)));
    for (let asked = 0; asked < 100; asked++) gateway.gateway.drainProxy({ ...now([LEAVING]), spreadMs: 3_600_000 });
    const late = await NativeClient.open(url);
    expect(gateway.gateway.drainProxy(now([LEAVING]))).toBeGreaterThanOrEqual(1);
    expect(await late.request({ type: "ping" })).toMatchObject({ type: "pong" });
    // Few clients don't take the whole time: one each tenth of a second.
    await eventually(() => {
      clock.advance(10);
      gateway.gateway.drainProxy(now([LEAVING]));
      expect(gateway.gateway.connections).toBe(0);
    });
    for (const client of [...early, late]) expect(await client.closed).toEqual(CLOSE_CODES.proxy_drain);
  });

  test.each(["sse", "poll"] as const)(
    "a session over HTTP (%s) stays; its client goes on through the other proxy and misses nothing",
    async (transport) => {
      await using gateway = await TestGateway.start();
      await using leaving = await proxyTo(gateway, LEAVING);
      await using staying = await proxyTo(gateway, STAYING);
      let target = leaving;
      await using balancer = await TcpProxy.start({ targetPort: () => target.port });
      await using client = await HttpClient.open(`http://127.0.0.1:${balancer.port}`, { transport });
      await client.subscribe("news");
      await gateway.publish("news", "e", 1);
      await client.events(1);
      const through = (address: string) => gateway.gateway.drainProxy({ ...now([address]), isDryRun: true });
      await eventually(() => expect(through(LEAVING)).toBe(1));
      // As for a proxy that is out of service: whoever has a connection keeps it.
      target = staying;
      // It may come back by the connection of its posts, which it keeps open: so it is asked again, as the command does.
      await eventually(() => {
        gateway.gateway.drainProxy(now([LEAVING]));
        expect([through(LEAVING), through(STAYING)]).toEqual([0, 1]);
      });
      // And the first post after that is the last one there.
      await client.request({ type: "ping" });
      await leaving.stop();
      await gateway.publish("news", "e", 2);
      expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
      expect((await client.events(2)).map(({ payload }) => payload)).toEqual([1, 2]);
      expect(client.sessions).toHaveLength(1);
      expect(new Set(client.postStatuses)).toEqual(new Set([204]));
      expect(gateway.counters.connectionsDrained.get("proxy")).toBeGreaterThanOrEqual(1);
    },
  );

  test.each(["sse", "poll"] as const)(
    "a call (%s) to a gateway that brings it to another one is ended by the one that has it",
    async (transport) => {
      await using cluster = await GatewayCluster.start(2);
      await using front = await RoundRobinProxy.start(() => cluster.all.map(({ url }) => url));
      await using client = await HttpClient.open(front.url, { transport });
      const owner = cluster.all.find(({ gateway }) => gateway.connections === 1);
      const relay = cluster.all.find((each) => each !== owner);
      const waiting = () => relay?.gateway.drainProxy({ ...now(["127.0.0.1"]), isDryRun: true });
      // Streams and polls go to them by turns, once something ends one.
      await eventually(() => {
        for (const { gateway } of cluster.all) if (waiting() === 0) gateway.drainProxy(now(["127.0.0.1"]));
        expect(waiting()).toBe(1);
      });
      relay?.gateway.drainProxy(now(["127.0.0.1"]));
      await eventually(() => expect(waiting()).toBe(0));
      expect(owner?.gateway.connections).toBe(1);
      expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
      expect(client.sessions).toHaveLength(1);
    },
  );
});
