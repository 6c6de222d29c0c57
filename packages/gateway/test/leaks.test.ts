import { queryObjects } from "node:v8";
import { Session } from "@carillon/core";
import { eventually, HttpClient, NativeClient, PusherClient } from "@carillon/testkit";
import { TestGateway } from "@carillon/testkit/gateway";
import { expect, it } from "vitest";

type Count = (of: typeof Session, options: { readonly format: "count" }) => unknown;

/** How many there are after a garbage collection. The function's types don't know it yet. */
const countOf = (of: typeof Session) => (queryObjects as unknown as Count)(of, { format: "count" });

const times = <Value>(count: number, act: () => Promise<Value>) => Promise.all(Array.from({ length: count }, act));

it("of sessions that have ended nothing is left, whatever they came by", async () => {
  await using gateway = await TestGateway.start();
  const { url, webSocketUrl, pusherUrl } = gateway;
  for (let round = 0; round < 3; round++) {
    const sockets = await times(20, () => NativeClient.open(webSocketUrl));
    const streams = await times(5, () => HttpClient.open(url, { transport: "sse" }));
    const polls = await times(5, () => HttpClient.open(url, { transport: "poll" }));
    const pushers = await times(20, () => PusherClient.connect(pusherUrl));
    const natives = [...sockets, ...streams, ...polls];
    await Promise.all(natives.map((client) => client.subscribe("news")));
    await eventually(() => expect(gateway.gateway.connectionsByApp.get("1001")).toBe(50));
    await gateway.publish("news", "tick", round);
    await Promise.all(natives.map((client) => client.events(1)));
    expect(countOf(Session)).toBe(50);
    for (const client of [...sockets, ...pushers]) client.terminate();
    await Promise.all([...streams, ...polls].map((client) => client.close()));
    await eventually(() => expect(gateway.gateway.connectionsByApp.size).toBe(0));
  }
  await eventually(() => expect(countOf(Session)).toBe(0), { timeoutMs: 20_000, intervalMs: 200 });
  expect(gateway.gateway.subscriptions).toBe(0);
});
