import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Channel } from "@carillon/client";
import { eventually } from "@carillon/testkit";
import { expect, it } from "vitest";
import { Pair } from "./support/client.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Subscribes, hears an event, unsubscribes; keeps nothing but what doesn't hold on. */
async function useChannel(pair: Pair, name: string): Promise<WeakRef<Channel>> {
  const channel = pair.client.subscribe(name);
  let isHeard = false;
  channel.bind("tick", () => {
    isHeard = true;
  });
  await eventually(() => expect(channel.state.status).toBe("subscribed"));
  await pair.gateway.publish(name, "tick", 1);
  await eventually(() => expect(isHeard).toBe(true));
  pair.client.unsubscribe(name);
  return new WeakRef(channel);
}

it("a channel that was given up is gone, with its listeners", async () => {
  await using pair = await Pair.start();
  const channels = await Promise.all(Array.from({ length: 20 }, (_, index) => useChannel(pair, `channel-${index}`)));
  await eventually(() => expect(pair.gateway.gateway.subscriptions).toBe(0));
  await eventually(() => {
    collectGarbage();
    expect(channels.filter((channel) => channel.deref() !== undefined)).toEqual([]);
  });
});

it("a client that was closed is gone, though its channels were not given up", async () => {
  const client = await (async () => {
    await using pair = await Pair.start();
    const channel = pair.client.subscribe("news");
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    return new WeakRef(pair.client);
  })();
  await eventually(() => {
    collectGarbage();
    expect(client.deref()).toBeUndefined();
  });
});

it("thirty breaks leave no timer and no listener that a closed client still has", async () => {
  await using pair = await Pair.start();
  const channel = pair.client.subscribe("news");
  await eventually(() => expect(channel.state.status).toBe("subscribed"));
  for (let round = 0; round < 30; round++) {
    await pair.interrupt();
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
  }
  expect(pair.gateway.gateway.subscriptions).toBe(1);
  pair.client.close();
  await eventually(() => expect(pair.gateway.gateway.connectionsByApp.size).toBe(0));
});
