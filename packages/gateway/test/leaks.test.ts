import { queryObjects } from "node:v8";
import { Session } from "@carillon/core";
import { eventually, HttpClient, NativeClient, PusherClient } from "@carillon/testkit";
import { historyRules, TestGateway } from "@carillon/testkit/gateway";
import { expect, it } from "vitest";
import { OutFrame } from "../src/fallback/out-frame.ts";

type Class = typeof Session | typeof OutFrame;
type Count = (of: Class, options: { readonly format: "count" }) => unknown;

/** How many there are after a garbage collection. The function's types don't know it yet. */
const countOf = (of: Class) => (queryObjects as unknown as Count)(of, { format: "count" });

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

it("the past of a channel is kept once, however many polls asked for it and never came back", async () => {
  await using gateway = await TestGateway.start({ rules: historyRules("kept") });
  for (let index = 0; index < 20; index++) await gateway.publish("kept", "e", index);
  const answers = await times(50, async () => {
    const response = await fetch(`${gateway.url}/poll?channels=kept&rewind=20`);
    return (await response.json()) as { readonly frames: readonly { readonly payload?: number }[] };
  });
  const past = Array.from({ length: 20 }, (_, index) => index);
  for (const { frames } of answers) {
    expect(frames.flatMap(({ payload }) => payload ?? [])).toEqual(past);
  }
  const others = answers.flatMap(({ frames }) => frames.filter(({ payload }) => payload === undefined)).length;
  expect(countOf(OutFrame)).toBe(others + past.length);
});
