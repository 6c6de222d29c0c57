import type { MemoryHistory } from "@carillon/core";
import { JSON_SUBPROTOCOL, MSGPACK_SUBPROTOCOL } from "@carillon/protocol";
import { type Delivery, eventually, type Frame, NativeClient } from "@carillon/testkit";
import { historyRules, TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, test } from "vitest";
import { startLossy } from "../support/lossy-gateway.ts";

const rules = historyRules("kept");
const numbersOf = (deliveries: readonly Delivery[]) => deliveries.map(({ payload }) => payload);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function publishRange(gateway: TestGateway, channel: string, from: number, to: number): Promise<string[]> {
  const positions: string[] = [];
  for (const number of range(from, to)) {
    const { position } = await gateway.publish(channel, "tick", number);
    positions.push(`${position?.epoch}:${position?.offset}`);
  }
  return positions;
}

describe.each([[JSON_SUBPROTOCOL], [MSGPACK_SUBPROTOCOL]])("%s", (subprotocol) => {
  test("N48, N49 › after a drop the client gets what it missed, in order, right behind the answer, then live", async () => {
    await using gateway = await TestGateway.start({ rules });
    const client = await NativeClient.open(gateway.webSocketUrl, { subprotocol });
    const reply = await client.request({ type: "subscribe", channel: "kept" });
    expect(reply).toMatchObject({
      type: "subscribed",
      channel: "kept",
      position: expect.stringMatching(/^[\w-]+:0:\w+$/),
    });
    expect(reply).not.toHaveProperty("recovered");
    const positions = await publishRange(gateway, "kept", 1, 3);
    const seen = await client.events(3);
    expect(seen.map(({ position }) => position)).toEqual(positions);
    client.terminate();
    await publishRange(gateway, "kept", 4, 6);

    await using again = await NativeClient.open(gateway.webSocketUrl, { subprotocol });
    const recover = seen[2]?.position;
    const told = await again.request({ type: "subscribe", channel: "kept", recover });
    expect(told).toMatchObject({ recovered: true });
    await publishRange(gateway, "kept", 7, 7);
    const events = await again.events(4);
    expect(numbersOf(events)).toEqual([4, 5, 6, 7]);
    expect(events[2]?.position).toBe(told["position"]);
    expect(again.frames.map((frame) => frame["type"] ?? "event")).toEqual([
      "welcome",
      "subscribed",
      ...new Array(4).fill("event"),
    ]);
  });

  test("N52 › a rewind brings the newest first, or all that are kept", async () => {
    await using gateway = await TestGateway.start({ rules });
    await publishRange(gateway, "kept", 1, 5);
    await using client = await NativeClient.open(gateway.webSocketUrl, { subprotocol });
    expect(await client.request({ type: "subscribe", channel: "kept", rewind: 2 })).toMatchObject({ rewound: 2 });
    expect(numbersOf(await client.events(2))).toEqual([4, 5]);
    await client.request({ type: "unsubscribe", channel: "kept" });
    await client.subscribe("kept", { rewind: "beginning" });
    expect(numbersOf(await client.events(7)).slice(2)).toEqual([1, 2, 3, 4, 5]);
  });

  test("N54 › a part of the history, forwards, on from a position, and backwards", async () => {
    await using gateway = await TestGateway.start({ rules });
    const positions = await publishRange(gateway, "kept", 1, 5);
    await using client = await NativeClient.open(gateway.webSocketUrl, { subprotocol });
    await client.subscribe("kept");
    const first = await client.request({ type: "history", channel: "kept", limit: 2 });
    expect(first).toMatchObject({ type: "history", channel: "kept", position: positions[4], hasMore: true });
    expect(first["publications"]).toEqual([
      { event: "tick", payload: 1, position: positions[0], time: expect.any(Number) },
      { event: "tick", payload: 2, position: positions[1], time: expect.any(Number) },
    ]);
    expect(first).not.toHaveProperty("reachable");
    const next = await client.request({ type: "history", channel: "kept", since: positions[1] });
    expect(next).toMatchObject({ hasMore: false, reachable: true });
    expect(payloadsOf(next)).toEqual([3, 4, 5]);
    const back = await client.request({ type: "history", channel: "kept", direction: "backward", limit: 2 });
    expect(payloadsOf(back)).toEqual([5, 4]);
    const lost = await client.request({ type: "history", channel: "kept", since: "other:1" });
    expect(lost).toMatchObject({ reachable: false });
  });
});

const payloadsOf = (frame: Frame) => (frame["publications"] as { payload: unknown }[]).map(({ payload }) => payload);

describe("recover", () => {
  test("N50 › says why it could not", async () => {
    await using gateway = await TestGateway.start({ rules: historyRules("kept", { messages: 2 }) });
    const positions = await publishRange(gateway, "kept", 1, 5);
    await using client = await NativeClient.open(gateway.webSocketUrl);
    for (const [recover, reason] of [
      [positions[0], "too_old"],
      ["other:1", "epoch_changed"],
      ["what?", "malformed"],
    ]) {
      const reply = await client.request({ type: "subscribe", channel: "kept", recover });
      expect(reply).toMatchObject({ recovered: false, reason, position: positions[4] });
      await client.request({ type: "unsubscribe", channel: "kept" });
    }
    const plain = await client.request({ type: "subscribe", channel: "plain", recover: positions[0] });
    expect(plain).toMatchObject({ type: "subscribed", recovered: false, reason: "no_history" });
    expect(plain).not.toHaveProperty("position");
    expect(client.deliveries).toEqual([]);
  });

  test("N54 › a connection's reads come one after the other, so that it takes the place of none but itself", async () => {
    await using gateway = await TestGateway.start({ rules });
    await publishRange(gateway, "kept", 1, 3);
    const store = gateway.history as MemoryHistory;
    const read = store.read.bind(store);
    let [running, most] = [0, 0];
    store.read = async (...asked) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      return read(...asked).finally(() => running--);
    };
    await using greedy = await NativeClient.open(gateway.webSocketUrl);
    await greedy.subscribe("kept");
    most = 0;
    const asks = range(1, 20).map((limit) => greedy.request({ type: "history", channel: "kept", limit }));
    expect((await Promise.all(asks)).map(({ type }) => type)).toEqual(Array(20).fill("history"));
    expect(most).toBe(1);
  });

  test("N50 › more than may be written at once is too old, and the connection lives", async () => {
    await using gateway = await TestGateway.start({ rules, settings: { maxBackpressureBytes: 65_536 } });
    const [first] = await publishRange(gateway, "kept", 0, 0);
    for (let count = 0; count < 10; count++) await gateway.publish("kept", "big", "x".repeat(8000));
    await using client = await NativeClient.open(gateway.webSocketUrl);
    expect(await client.request({ type: "subscribe", channel: "kept", recover: first })).toMatchObject({
      recovered: false,
      reason: "too_old",
    });
    await client.request({ type: "unsubscribe", channel: "kept" });
    expect(await client.request({ type: "subscribe", channel: "kept", rewind: 10 })).toMatchObject({ rewound: 4 });
    expect((await client.events(4)).map(({ event }) => event)).toEqual(["big", "big", "big", "big"]);
    expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(client.deliveries).toHaveLength(4);
  });

  test("N48 › many channels in one frame: each has its own position and outcome", async () => {
    await using gateway = await TestGateway.start({ rules });
    const one = await publishRange(gateway, "kept-1", 1, 2);
    const two = await publishRange(gateway, "kept-2", 1, 2);
    await using client = await NativeClient.open(gateway.webSocketUrl);
    const reply = await client.request({
      type: "subscribe",
      channels: [
        { channel: "kept-1", recover: one[0] },
        "kept-2",
        { channel: "plain", recover: two[0] },
        "private-x",
        "plain-2",
      ],
    });
    expect(reply).toMatchObject({
      channels: ["kept-1", "kept-2", "plain", "plain-2"],
      errors: [{ channel: "private-x" }],
    });
    expect(reply["histories"]).toEqual([
      { channel: "kept-1", position: one[1], recovered: true },
      { channel: "kept-2", position: two[1] },
      { channel: "plain", recovered: false, reason: "no_history" },
    ]);
    expect(numbersOf(await client.events(1))).toEqual([2]);
  });

  test("N48 › a repeat is answered with the position alone, and brings nothing again", async () => {
    await using gateway = await TestGateway.start({ rules });
    const positions = await publishRange(gateway, "kept", 1, 3);
    await using client = await NativeClient.open(gateway.webSocketUrl);
    for (let count = 0; count < 2; count++)
      client.send({ type: "subscribe", channel: "kept", recover: positions[0], id: count });
    const repeat = await client.nextFrame((frame) => frame["id"] === 1);
    expect(repeat).toEqual({ type: "subscribed", channel: "kept", position: positions[2], id: 1 });
    await publishRange(gateway, "kept", 4, 4);
    expect(numbersOf(await client.events(3))).toEqual([2, 3, 4]);
  });

  test("N49 › what excludes the connection is left out of what it missed, too", async () => {
    await using gateway = await TestGateway.start({ rules });
    const [first] = await publishRange(gateway, "kept", 1, 1);
    await using client = await NativeClient.open(gateway.webSocketUrl);
    await gateway.publish("kept", "tick", 2, { exclude: client.connectionId });
    await gateway.publish("kept", "tick", 3);
    await client.subscribe("kept", { recover: first });
    expect(numbersOf(await client.events(1))).toEqual([3]);
    await using other = await NativeClient.open(gateway.webSocketUrl);
    await other.subscribe("kept", { recover: first });
    expect(numbersOf(await other.events(2))).toEqual([2, 3]);
    expect(numbersOf(client.deliveries)).toEqual([3]);
  });

  test("N48 › the reply to a publish has the position, where the channel has a history", async () => {
    await using gateway = await TestGateway.start({ rules: historyRules("private-kept") });
    await using client = await NativeClient.open(gateway.webSocketUrl);
    for (const [channel, wanted] of [
      ["private-kept", true],
      ["private-plain", false],
    ] as const) {
      await client.subscribe(channel, { token: gateway.channelToken(client.connectionId, channel) });
      const reply = await client.request({ type: "publish", channel, event: "client-e", payload: 1 });
      expect([reply["type"], typeof reply["position"] === "string"]).toEqual(["published", wanted]);
    }
  });

  test("N49 › fifty clients come back again and again at random positions while one publishes: each sees each number once, in order", async () => {
    await using gateway = await TestGateway.start({ rules: historyRules("kept", { messages: 5000 }) });
    const clientsCount = 50;
    let isPublishing = true;
    let published = 0;
    const publishing = (async () => {
      while (isPublishing) {
        for (let burst = 0; burst < 3; burst++) await gateway.publish("kept", "tick", ++published);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const seenBy = await Promise.all(
      range(1, clientsCount).map(async (index) => {
        const subprotocol = index % 2 === 0 ? JSON_SUBPROTOCOL : MSGPACK_SUBPROTOCOL;
        const seen: unknown[] = [];
        let recover: string | undefined;
        for (let visit = 0; visit < 6; visit++) {
          const client = await NativeClient.open(gateway.webSocketUrl, { subprotocol });
          const reply = await client.request({
            type: "subscribe",
            channel: "kept",
            ...(recover === undefined ? {} : { recover }),
          });
          if (recover !== undefined) expect(reply["recovered"]).toBe(true);
          await client.events(1 + ((index * 7 + visit * 13) % 20));
          // Whatever has come until now, not what may still be in the socket.
          client.terminate();
          const got = [...client.deliveries];
          seen.push(...numbersOf(got));
          recover = got.at(-1)?.position;
        }
        await using client = await NativeClient.open(gateway.webSocketUrl, { subprotocol });
        await client.subscribe("kept", { recover });
        const end = published;
        await eventually(() =>
          expect(Number(client.deliveries.at(-1)?.payload ?? seen.at(-1))).toBeGreaterThanOrEqual(end),
        );
        return [...seen, ...numbersOf(client.deliveries)] as number[];
      }),
    );
    isPublishing = false;
    await publishing;
    for (const seen of seenBy) expect(seen).toEqual(range(seen[0] ?? 0, seen.at(-1) ?? 0));
    expect(published).toBeGreaterThan(100);
  });
});

describe("gap", () => {
  test("N53 › what the bus loses is fetched; what is kept no more is told by a push", async () => {
    await using lossy = await startLossy(3);
    const { gateway } = lossy;
    for (const subprotocol of [JSON_SUBPROTOCOL, MSGPACK_SUBPROTOCOL]) {
      await using client = await NativeClient.open(gateway.webSocketUrl, { subprotocol });
      await client.subscribe("kept");
      lossy.isLosing = true;
      await publishRange(gateway, "kept", 1, 1);
      lossy.isLosing = false;
      await publishRange(gateway, "kept", 2, 2);
      expect(numbersOf(await client.events(2))).toEqual([1, 2]);
      lossy.isLosing = true;
      await publishRange(gateway, "kept", 3, 10);
      lossy.isLosing = false;
      await publishRange(gateway, "kept", 11, 11);
      expect(numbersOf(await client.events(5))).toEqual([1, 2, 9, 10, 11]);
      expect(client.frames.slice(4, 5)).toEqual([{ type: "gap", channel: "kept" }]);
    }
  });

  test("N53 › when the bus was away and is back, what was missed comes without anything being published", async () => {
    await using lossy = await startLossy(100);
    const { gateway } = lossy;
    await using client = await NativeClient.open(gateway.webSocketUrl);
    await client.subscribe("kept");
    lossy.isLosing = true;
    await publishRange(gateway, "kept", 1, 5);
    lossy.isLosing = false;
    lossy.reconnect();
    expect(numbersOf(await client.events(5))).toEqual(range(1, 5));
  });

  test("N50, N53 › a store that began anew: clients are told, and their old positions are no good", async () => {
    await using lossy = await startLossy(100);
    const { gateway } = lossy;
    await using client = await NativeClient.open(gateway.webSocketUrl);
    await client.subscribe("kept");
    const old = await publishRange(gateway, "kept", 1, 5);
    await client.events(5);
    lossy.wipe();
    lossy.reconnect();
    await client.nextFrame((frame) => frame["type"] === "gap");
    const positions = await publishRange(gateway, "kept", 6, 6);
    expect((await client.events(6)).at(-1)).toMatchObject({ payload: 6, position: positions[0] });
    await using other = await NativeClient.open(gateway.webSocketUrl);
    expect(await other.request({ type: "subscribe", channel: "kept", recover: old[4] })).toMatchObject({
      recovered: false,
      reason: "epoch_changed",
      position: positions[0],
    });
  });
});

describe("history", () => {
  test("N55 › wants a subscription to the channel, or the capability", async () => {
    await using gateway = await TestGateway.start({ rules, apps: [testApp()] });
    await publishRange(gateway, "kept", 1, 1);
    await using client = await NativeClient.open(gateway.webSocketUrl);
    const command = { type: "history", channel: "kept" };
    expect(await client.request(command)).toMatchObject({ type: "error", code: "forbidden", channel: "kept" });
    const token = await gateway.connectionToken({ sub: "user-1", capabilities: { "*": ["history"] }, ttlSeconds: 60 });
    await client.request({ type: "refresh", token });
    expect(payloadsOf(await client.request(command))).toEqual([1]);
    expect(await client.request({ type: "history", channel: "plain" })).toMatchObject({ code: "not_found" });
    expect(await client.request({ ...command, since: "what?" })).toMatchObject({ code: "invalid_field" });
  });

  test("N54 › payloads come byte for byte, and no more bytes than a connection takes at once", async () => {
    await using gateway = await TestGateway.start({ rules, settings: { maxBackpressureBytes: 65_536 } });
    const raw = '{ "big": 12345678901234567890, "one": 1.0 }';
    await gateway.publish("kept", 'quote"d', null, { raw });
    for (let count = 0; count < 10; count++) await gateway.publish("kept", "big", "x".repeat(8000));
    await using client = await NativeClient.open(gateway.webSocketUrl);
    await client.subscribe("kept");
    const reply = await client.request({ type: "history", channel: "kept" });
    expect(client.receivedText.at(-1)).toContain(`{"event":"quote\\"d","payload":${raw},"position":`);
    expect([payloadsOf(reply).length, reply["hasMore"]]).toEqual([5, true]);
  });
});
