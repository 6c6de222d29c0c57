import { setTimeout as after } from "node:timers/promises";
import { NativeClient } from "@carillon/testkit";
import { TestGateway } from "@carillon/testkit/gateway";
import { expect, test } from "vitest";

const EVENTS = 200;

test("on a busy channel events wait for each other: all arrive, once and in order, also for who comes and goes meanwhile", async () => {
  await using gateway = await TestGateway.start();
  const clients: NativeClient[] = [];
  for (let index = 0; index < 50; index++) {
    const client = await NativeClient.open(gateway.webSocketUrl);
    await client.subscribe("busy");
    clients.push(client);
  }
  await using guest = await NativeClient.open(gateway.webSocketUrl);
  for (let index = 0; index < EVENTS; index++) {
    await gateway.publish("busy", "tick", index);
    if (index % 40 === 10) await guest.subscribe("busy");
    if (index % 40 === 30) {
      guest.send({ type: "unsubscribe", channel: "busy", id: index });
      await guest.nextFrame((frame) => frame["id"] === index);
    }
    // The pace of the load: nothing is waited for.
    await after(1);
  }
  const all = Array.from({ length: EVENTS }, (_, index) => index);
  for (const client of clients) expect((await client.events(EVENTS)).map(({ payload }) => payload)).toEqual(all);
  const heard = all.filter((index) => index % 40 > 10 && index % 40 <= 30);
  expect((await guest.events(heard.length)).map(({ payload }) => payload)).toEqual(heard);
  expect(gateway.counters.publicationsCoalesced).toBeGreaterThan(0);
  for (const client of clients) await client[Symbol.asyncDispose]();
});
