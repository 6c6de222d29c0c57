import { NativeClient, type PusherClient, type PusherFrame } from "@carillon/testkit";
import { historyRules, TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { GatewayCluster } from "../support/gateway-cluster.ts";
import { startLossy } from "../support/lossy-gateway.ts";
import { enter, open, privateAuth } from "./support/pusher-user.ts";

const rules = historyRules("kept");
const POSITION = /^[\w-]{1,32}:\d+(?::\w+)?$/;
const isCount = ({ event }: PusherFrame) => event === "pusher_internal:subscription_count";

/** A connected client that has asked for recovery. */
async function openRecovering(gateway: TestGateway): Promise<PusherClient> {
  const client = await open(gateway);
  expect(await client.askForRecovery()).toEqual({ event: "pusher:pong", data: '{"recovery":1}' });
  return client;
}

async function publishRange(gateway: TestGateway, channel: string, from: number, to: number): Promise<string[]> {
  const positions: string[] = [];
  for (let number = from; number <= to; number++) {
    const { position } = await gateway.publish(channel, "tick", number);
    positions.push(`${position?.epoch}:${position?.offset}`);
  }
  return positions;
}

const numbers = (client: PusherClient, channel?: string) => client.all("tick", channel).map(({ data }) => Number(data));

describe("asking for recovery", () => {
  it("P40, P41 › events and answers have a position, their last member; channels without history have none", async () => {
    await using gateway = await TestGateway.start({ rules });
    await using client = await openRecovering(gateway);
    expect(await client.subscribe("kept")).toEqual({
      event: "pusher_internal:subscription_succeeded",
      channel: "kept",
      data: "{}",
      position: expect.stringMatching(POSITION),
    });
    expect(await client.subscribe("plain")).toEqual({
      event: "pusher_internal:subscription_succeeded",
      channel: "plain",
      data: "{}",
    });
    const [position] = await publishRange(gateway, "kept", 1, 1);
    await gateway.publish("plain", "other", {});
    await client.next("other");
    expect(client.texts).toContain(`{"event":"tick","channel":"kept","data":"1","position":"${position}"}`);
    expect(client.all("other")).toEqual([{ event: "other", channel: "plain", data: "{}" }]);
  });

  it("P40, P25 › whoever doesn't ask, or asks too late, gets exactly event, channel and data", async () => {
    await using gateway = await TestGateway.start({ rules });
    await using plain = await open(gateway);
    await using late = await open(gateway);
    await using asking = await openRecovering(gateway);
    for (const client of [plain, late]) await client.subscribe("kept");
    expect(await late.askForRecovery()).toEqual({ event: "pusher:pong", data: "{}" });
    await asking.subscribe("kept");
    const encodedBefore = gateway.counters.publicationsEncoded;
    await gateway.publish("kept", "tick", 1);
    for (const client of [plain, late]) {
      expect(await client.next("tick")).toEqual({ event: "tick", channel: "kept", data: "1" });
    }
    await asking.next("tick");
    // One frame for those who asked, one for all others.
    expect(gateway.counters.publicationsEncoded - encodedBefore).toBe(2);
    await using ignored = await open(gateway);
    const answer = await ignored.subscribe("kept", { recover: { position: "a:1" } });
    expect(Object.keys(answer)).toEqual(["event", "channel", "data"]);
  });

  it("P40 › it is heard however fast commands come, and asking again changes nothing", async () => {
    await using gateway = await TestGateway.start({
      rules,
      apps: [testApp({ limits: { commandsPerSecond: 1, channelsPerConnection: 1 } })],
    });
    await using client = await open(gateway);
    for (let count = 0; count < 20; count++) client.send("pusher:ping", { recovery: 1 });
    await client.next("pusher:pong", undefined, 20);
    expect(new Set(client.all("pusher:pong").map(({ data }) => data))).toEqual(new Set(['{"recovery":1}']));
    for (const data of [null, 7, "x", [], { recovery: "1" }, { recovery: 2 }, '{"recovery":1}']) {
      const before = client.all("pusher:pong").length;
      client.send("pusher:ping", data);
      const pong = await client.next("pusher:pong", undefined, before + 1);
      // Some clients send data as text.
      expect(pong.data).toBe(data === '{"recovery":1}' ? data : "{}");
    }
  });
});

describe("recover", () => {
  it("P42 › succeeded, then what was missed in order, then what comes live; on another gateway too", async () => {
    await using cluster = await GatewayCluster.start(2, { rules });
    const client = await openRecovering(cluster.at(0));
    await client.subscribe("kept");
    await publishRange(cluster.at(0), "kept", 1, 3);
    const { position } = await client.next("tick", undefined, 3);
    const { socketId } = client;
    client.terminate();
    await client.closed;
    await publishRange(cluster.at(0), "kept", 4, 6);
    await using again = await openRecovering(cluster.at(1));
    const answer = await again.subscribe("kept", { recover: { position, socket_id: socketId } });
    expect(Object.keys(answer)).toEqual(["event", "channel", "data", "recovered", "position"]);
    expect(answer.recovered).toBe(true);
    // The events may not arrive any more: until they do, the client stands where it stood.
    expect(answer.position).toBe(position);
    await publishRange(cluster.at(0), "kept", 7, 7);
    await again.next("tick", undefined, 4);
    const events = again.frames.filter((frame) => !isCount(frame)).slice(2);
    expect(events.map(({ event }) => event)).toEqual([
      "pusher_internal:subscription_succeeded",
      ...["tick", "tick", "tick", "tick"],
    ]);
    expect(numbers(again)).toEqual([4, 5, 6, 7]);
    await using up = await openRecovering(cluster.at(1));
    const last = { position: events.at(-1)?.position, socket_id: again.socketId };
    const nothing = await up.subscribe("kept", { recover: last });
    expect([nothing.recovered, nothing.position]).toEqual([true, last.position]);
  });

  it("P42 › fifty clients come back again and again while one publishes: each hears each number once, in order", async () => {
    await using gateway = await TestGateway.start({ rules: historyRules("kept", { messages: 5000 }) });
    let isPublishing = true;
    let published = 0;
    const publishing = (async () => {
      while (isPublishing) {
        for (let burst = 0; burst < 3; burst++) await gateway.publish("kept", "tick", ++published);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const heardBy = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const heard: number[] = [];
        let recover: unknown;
        for (let visit = 0; visit < 5; visit++) {
          const client = await open(gateway);
          client.send("pusher:ping", { recovery: 1 });
          const answer = await client.subscribe("kept", recover === undefined ? {} : { recover });
          if (recover !== undefined) expect(answer.recovered).toBe(true);
          await client.next("tick", undefined, 1 + ((index + visit) % 7));
          const last = client.all("tick").at(-1);
          heard.push(...numbers(client));
          recover = { position: last?.position, socket_id: client.socketId };
          client.terminate();
          await client.closed;
        }
        return heard;
      }),
    );
    isPublishing = false;
    await publishing;
    for (const heard of heardBy) {
      expect(heard).toEqual(Array.from(heard, (_, index) => (heard[0] as number) + index));
    }
  });

  it("P43 › says why it could not, and goes on live from the position of the answer", async () => {
    await using gateway = await TestGateway.start({ rules: historyRules("kept", { messages: 2 }) });
    const positions = await publishRange(gateway, "kept", 1, 5);
    for (const [position, reason] of [
      [positions[0], "too_old"],
      ["other:1", "epoch_changed"],
      ["what?", "malformed"],
    ]) {
      await using client = await openRecovering(gateway);
      const answer = await client.subscribe("kept", { recover: { position } });
      expect(answer).toMatchObject({ recovered: false, reason, position: positions[4] });
      await client.settle();
      expect(client.all("tick")).toEqual([]);
    }
    await using client = await openRecovering(gateway);
    const plain = await client.subscribe("plain", { recover: { position: positions[0] } });
    expect(plain).toMatchObject({ recovered: false, reason: "no_history" });
    expect(plain).not.toHaveProperty("position");
  });

  it.each([
    7,
    "a:1",
    [],
    {},
    { position: 7 },
    { position: null, socket_id: {} },
    { position: "x".repeat(60_000), socket_id: "9".repeat(4000) },
    { position: "__proto__:1:zzzzzzzzz" },
    { position: "a:99999999999999999999" },
    { position: "a:-1" },
  ])("P43 › %.60j is answered, with a subscription that stands", async (recover) => {
    await using gateway = await TestGateway.start({ rules });
    await using client = await openRecovering(gateway);
    const answer = await client.subscribe("kept", { recover });
    expect(answer).toMatchObject({ event: "pusher_internal:subscription_succeeded", recovered: false });
    expect(["malformed", "epoch_changed"]).toContain(answer.reason);
    await gateway.publish("kept", "tick", 1);
    await client.next("tick");
    expect(client.all("pusher:error")).toEqual([]);
  });

  it("P43 › a position of a megabyte is a frame that is too long, and cuts nobody else off", async () => {
    await using gateway = await TestGateway.start({ rules });
    await using other = await openRecovering(gateway);
    await using client = await openRecovering(gateway);
    client.send("pusher:subscribe", { channel: "kept", recover: { position: "x".repeat(1_048_576) } });
    expect((await client.closed).code).toBe(1006);
    await using next = await openRecovering(gateway);
    next.send("pusher:subscribe", { channel: "kept", recover: { position: "x".repeat(100_000) } });
    expect((await next.next("pusher:error")).data).toMatchObject({ code: null });
    await next.settle();
    await other.settle();
  });

  it("P44 › what the client itself is left out of stays out, over connections", async () => {
    const channel = "private-room";
    await using gateway = await TestGateway.start({ rules: historyRules(channel) });
    const client = await openRecovering(gateway);
    await client.subscribe(channel, privateAuth(gateway, client, channel));
    await publishRange(gateway, channel, 1, 1);
    const { position } = await client.next("tick");
    const { socketId } = client;
    client.send("client-typing", { mine: true }, channel);
    await gateway.publish(channel, "tick", 2, { exclude: socketId });
    await client.settle();
    client.terminate();
    await publishRange(gateway, channel, 3, 3);
    await using again = await openRecovering(gateway);
    const recover = { position, socket_id: socketId };
    const answer = await again.subscribe(channel, { ...privateAuth(gateway, again, channel), recover });
    expect(answer.recovered).toBe(true);
    await using other = await openRecovering(gateway);
    await other.subscribe(channel, { ...privateAuth(gateway, other, channel), recover: { position } });
    await publishRange(gateway, channel, 4, 4);
    await again.next("tick", undefined, 2);
    expect(numbers(again)).toEqual([3, 4]);
    expect(again.all("client-typing")).toEqual([]);
    await other.next("tick", undefined, 3);
    expect(numbers(other)).toEqual([2, 3, 4]);
    expect(other.all("client-typing")).toMatchObject([{ data: { mine: true }, position: expect.any(String) }]);
  });

  it("P45 › more than may wait for a connection is too old, and the connection lives", async () => {
    await using gateway = await TestGateway.start({ rules, settings: { maxBackpressureBytes: 65_536 } });
    const [position] = await publishRange(gateway, "kept", 0, 0);
    for (let count = 0; count < 10; count++) await gateway.publish("kept", "big", "x".repeat(8000));
    await using client = await openRecovering(gateway);
    const answer = await client.subscribe("kept", { recover: { position } });
    expect(answer).toMatchObject({ recovered: false, reason: "too_old" });
    await client.settle();
    expect(client.all("big")).toEqual([]);
  });

  it("P16, P41 › a repeat is answered with the position alone, and brings nothing again", async () => {
    await using gateway = await TestGateway.start({ rules });
    const [position, , last] = await publishRange(gateway, "kept", 1, 3);
    await using client = await openRecovering(gateway);
    await client.subscribe("kept", { recover: { position } });
    const repeat = await client.subscribe("kept", { recover: { position } });
    expect(repeat).toEqual({
      event: "pusher_internal:subscription_succeeded",
      channel: "kept",
      data: "{}",
      position: last,
    });
    await client.settle();
    expect(numbers(client)).toEqual([2, 3]);
  });

  it("P42, P21 › presence channels recover as others do, and client events keep their user_id", async () => {
    const channel = "presence-room";
    const ruleOf = historyRules("presence-");
    await using gateway = await TestGateway.start({ rules: ruleOf });
    const ann = await openRecovering(gateway);
    const { position } = await enter(gateway, ann, channel, { user_id: "ann" });
    const { socketId } = ann;
    ann.terminate();
    await using bob = await openRecovering(gateway);
    await enter(gateway, bob, channel, { user_id: "bob" });
    bob.send("client-hi", { n: 1 }, channel);
    await bob.settle();
    await publishRange(gateway, channel, 1, 1);
    await bob.next("tick");
    await using again = await openRecovering(gateway);
    const auth = privateAuth(gateway, again, channel, '{"user_id":"ann"}');
    const answer = await again.subscribe(channel, { ...auth, recover: { position, socket_id: socketId } });
    expect(answer).toMatchObject({ recovered: true, data: expect.stringContaining('"ids":["ann","bob"]') });
    await again.next("tick");
    expect(again.frames.slice(-2)).toMatchObject([
      { event: "client-hi", data: { n: 1 }, user_id: "bob", position: expect.any(String) },
      { event: "tick", data: "1" },
    ]);
    expect(again.texts.at(-2)).toMatch(/"user_id":"bob","position":"[^"]+"\}$/);
  });

  it("P42 › Pusher and native clients recover the same events of a channel", async () => {
    await using gateway = await TestGateway.start({ rules });
    const [position] = await publishRange(gateway, "kept", 1, 4);
    await using native = await NativeClient.open(gateway.webSocketUrl);
    await native.subscribe("kept", { recover: position });
    await using pusher = await openRecovering(gateway);
    await pusher.subscribe("kept", { recover: { position } });
    await pusher.next("tick", undefined, 3);
    const deliveries = await native.events(3);
    expect(pusher.all("tick").map((frame) => frame.position)).toEqual(deliveries.map((each) => each.position));
  });
});

describe("cache channels", () => {
  const cache = (messages: number) => ({
    ruleOf: () => ({ history: { messages, maxAgeMs: 1_800_000 }, isCache: true, presenceListUpTo: 1000 }),
  });
  const channel = "cache-price";
  const kinds = (client: PusherClient) =>
    client.frames
      .filter((frame) => !isCount(frame) && frame.channel === channel)
      .map(({ event }) => event.split(":").at(-1));

  it("P42, P18 › the cached event comes once: not again to who has it, and not twice among what was missed", async () => {
    await using gateway = await TestGateway.start({ rules: cache(10) });
    const positions = await publishRange(gateway, channel, 1, 3);
    await using upToDate = await openRecovering(gateway);
    await upToDate.subscribe(channel, { recover: { position: positions[2] } });
    await upToDate.settle();
    expect(kinds(upToDate)).toEqual(["subscription_succeeded"]);
    await using behind = await openRecovering(gateway);
    await behind.subscribe(channel, { recover: { position: positions[0] } });
    await behind.settle();
    expect(kinds(behind)).toEqual(["subscription_succeeded", "tick", "tick"]);
    await using fresh = await openRecovering(gateway);
    // The event behind the answer tells where the client stands: should it not arrive, nobody would bring it any more.
    expect(await fresh.subscribe(channel)).not.toHaveProperty("position");
    await fresh.settle();
    expect(kinds(fresh)).toEqual(["subscription_succeeded", "tick"]);
    expect(fresh.all("tick")[0]).toMatchObject({ data: "3", position: positions[2] });
  });

  it("P43, P18 › who can't be caught up begins with the newest event, or with a miss, on a gateway that had nobody too", async () => {
    await using cluster = await GatewayCluster.start(2, { rules: cache(1) });
    const positions = await publishRange(cluster.at(0), channel, 1, 4);
    for (const gateway of cluster.all) {
      await using client = await openRecovering(gateway);
      const answer = await client.subscribe(channel, { recover: { position: positions[0] } });
      expect(answer).toMatchObject({ recovered: false, reason: "too_old" });
      expect(answer).not.toHaveProperty("position");
      await client.settle();
      expect(kinds(client)).toEqual(["subscription_succeeded", "tick"]);
      expect(numbers(client)).toEqual([4]);
    }
    await using client = await openRecovering(cluster.at(0));
    await client.subscribe("cache-other", { recover: { position: "other:1" } });
    await client.next("pusher:cache_miss", "cache-other");
  });

  it("P45, P18 › what is too much to be written at once leaves the newest event", async () => {
    const settings = { maxBackpressureBytes: 65_536 };
    await using gateway = await TestGateway.start({ rules: cache(20), settings });
    const [position] = await publishRange(gateway, channel, 1, 1);
    for (let count = 0; count < 10; count++) await gateway.publish(channel, "big", "x".repeat(8000));
    await publishRange(gateway, channel, 2, 2);
    await using client = await openRecovering(gateway);
    const answer = await client.subscribe(channel, { recover: { position } });
    expect(answer).toMatchObject({ recovered: false, reason: "too_old" });
    await client.settle();
    expect(kinds(client)).toEqual(["subscription_succeeded", "tick"]);
    expect(numbers(client)).toEqual([2]);
  });
});

describe("events that are lost", () => {
  const lost = (client: PusherClient) => client.all("pusher_internal:events_lost");

  it("P46 › are told in their place, on channels with history and on those without; others are told nothing", async () => {
    await using lossy = await startLossy(3);
    const { gateway } = lossy;
    await using client = await openRecovering(gateway);
    await using plain = await open(gateway);
    for (const each of [client, plain]) {
      await each.subscribe("kept");
      await each.subscribe("plain");
    }
    await publishRange(gateway, "kept", 1, 1);
    lossy.isLosing = true;
    await publishRange(gateway, "kept", 2, 9);
    lossy.isLosing = false;
    await publishRange(gateway, "kept", 10, 10);
    for (const each of [client, plain]) await each.next("tick", "kept", 4);
    expect(numbers(client)).toEqual([1, 8, 9, 10]);
    expect(lost(client)).toEqual([{ event: "pusher_internal:events_lost", channel: "kept", data: "{}" }]);
    expect(client.frames.indexOf(lost(client)[0] as PusherFrame)).toBeLessThan(
      client.frames.findIndex(({ data }) => data === "8"),
    );
    lossy.reconnect();
    await client.next("pusher_internal:events_lost", "plain");
    await plain.settle();
    expect(lost(plain)).toEqual([]);
  });

  it("P43, P46 › a store that began anew: told with the position from which it goes on", async () => {
    await using lossy = await startLossy(100);
    const { gateway } = lossy;
    await using client = await openRecovering(gateway);
    await client.subscribe("kept");
    const old = await publishRange(gateway, "kept", 1, 5);
    await client.next("tick", undefined, 5);
    lossy.wipe();
    lossy.reconnect();
    await client.next("pusher_internal:events_lost", "kept");
    const [position] = await publishRange(gateway, "kept", 6, 6);
    expect((await client.next("tick", undefined, 6)).position).toBe(position);
    await using other = await openRecovering(gateway);
    const answer = await other.subscribe("kept", { recover: { position: old[4] } });
    expect(answer).toMatchObject({ recovered: false, reason: "epoch_changed", position });
  });
});
