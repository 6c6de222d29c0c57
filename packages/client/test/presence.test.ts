import { eventually, NativeClient } from "@carillon/testkit";
import { testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { Pair } from "./support/client.ts";

function member(pair: () => Pair, id: string, info?: unknown) {
  return async ({ channel, socketId }: { channel: string; socketId: string }) => {
    const data = JSON.stringify({ user_id: id, ...(info === undefined ? {} : { user_info: info }) });
    return { token: pair().gateway.channelToken(socketId, channel, data), data };
  };
}

/** Somebody else on the channel. */
async function guest(pair: Pair, channel: string, id: string): Promise<NativeClient> {
  const client = await NativeClient.open(pair.gateway.webSocketUrl);
  const data = JSON.stringify({ user_id: id });
  const connectionId = String(client.frames[0]?.["connectionId"]);
  await client.request({
    type: "subscribe",
    channel,
    token: pair.gateway.channelToken(connectionId, channel, data),
    data,
  });
  return client;
}

describe("presence", () => {
  it("N56 › knows who is there, and who comes and goes", async () => {
    await using pair: Pair = await Pair.start(
      { settings: { presenceGraceMs: 50 } },
      { authorizeChannel: member(() => pair, "ann", { name: "Ann" }) },
    );
    const channel = pair.client.subscribe("presence-room");
    const changes: string[] = [];
    channel.presence.on("enter", ({ id }) => changes.push(`+${id}`));
    channel.presence.on("leave", ({ id }) => changes.push(`-${id}`));
    await eventually(() => expect(channel.presence.isCurrent).toBe(true));
    expect(channel.presence.me).toEqual({ id: "ann", info: { name: "Ann" } });
    const bob = await guest(pair, "presence-room", "bob");
    await eventually(() => expect(changes).toEqual(["+ann", "+bob"]));
    expect([...channel.presence.members.keys()]).toEqual(["ann", "bob"]);
    expect(channel.presence.count).toBe(2);
    bob.terminate();
    await eventually(() => expect(changes).toEqual(["+ann", "+bob", "-bob"]));
    expect(channel.presence.count).toBe(1);
  });

  it("after a break only what has changed is told", async () => {
    await using pair: Pair = await Pair.start(
      { settings: { presenceGraceMs: 50 } },
      { authorizeChannel: member(() => pair, "ann") },
    );
    const bob = await guest(pair, "presence-room", "bob");
    const channel = pair.client.subscribe("presence-room");
    await eventually(() => expect(channel.presence.members.size).toBe(2));
    const changes: string[] = [];
    channel.presence.on("enter", ({ id }) => changes.push(`+${id}`));
    channel.presence.on("leave", ({ id }) => changes.push(`-${id}`));
    await pair.interrupt(async () => {
      expect(channel.presence.isCurrent).toBe(false);
      expect(channel.presence.members.size).toBe(2);
      bob.terminate();
      await (await guest(pair, "presence-room", "cid")).request({ type: "ping" });
      await eventually(() => expect(pair.gateway.gateway.connectionsByApp.get("1001")).toBe(1));
    });
    await eventually(() => expect(changes.toSorted()).toEqual(["+cid", "-bob"]));
    await eventually(() => expect(channel.presence.isCurrent).toBe(true));
  });

  it("N59 › of many members all are loaded, page by page", async () => {
    await using pair: Pair = await Pair.start(
      { apps: [testApp({ limits: { presenceMembers: 500 } })] },
      { authorizeChannel: member(() => pair, "ann") },
    );
    const ids = Array.from({ length: 130 }, (_, index) => `user-${index}`);
    for (const id of ids) await guest(pair, "presence-room", id);
    const channel = pair.client.subscribe("presence-room");
    await eventually(() => expect(channel.presence.isCurrent).toBe(true));
    expect([...channel.presence.members.keys()].toSorted()).toEqual(["ann", ...ids].toSorted());
  });

  it("is empty again once the channel is given up", async () => {
    await using pair: Pair = await Pair.start({}, { authorizeChannel: member(() => pair, "ann") });
    const channel = pair.client.subscribe("presence-room");
    await eventually(() => expect(channel.presence.members.size).toBe(1));
    pair.client.unsubscribe("presence-room");
    const { presence } = channel;
    await eventually(() => expect([presence.members.size, presence.count, presence.me]).toEqual([0, 0, null]));
  });

  it("stays empty, whatever was still on its way", async () => {
    await using pair: Pair = await Pair.start({}, { authorizeChannel: member(() => pair, "ann") });
    const { client, link } = pair;
    const { presence } = client.subscribe("presence-room");
    await eventually(() => expect(presence.members.size).toBe(1));
    link.freeze();
    await using bob = await guest(pair, "presence-room", "bob");
    await bob.request({ type: "ping" });
    client.unsubscribe("presence-room");
    link.heal();
    // What is answered has what came before it.
    await expect(client.channel("other").history()).rejects.toMatchObject({ code: "forbidden" });
    expect([presence.members.size, presence.count]).toEqual([0, 0]);
  });
});
