import { BusUnavailableError, MemoryBackbone, MemoryBus } from "@carillon/core";
import { systemClock } from "@carillon/service";
import { FakeClock } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import { appSettings, limits } from "../support/apps.ts";
import { BrokenBus, TAKEN } from "../support/broken-bus.ts";
import { BrokenHistory } from "../support/broken-history.ts";
import { PusherCaller } from "../support/pusher-caller.ts";
import { historyOf, RunningPublisher } from "../support/running-publisher.ts";

const EVENT = { name: "e", data: '{"id":1}', channels: ["a"] };

describe("Pusher's HTTP API › events", () => {
  it("an event reaches its channels, each once, with its data as JSON or as a string", async () => {
    await using running = await RunningPublisher.start();
    const pusher = new PusherCaller(running);
    const received = await running.record("a", "b", "private-c");
    expect(await pusher.trigger({ name: "e", data: '{"n": 1.0}', channels: ["a", "b", "a"] })).toMatchObject({
      status: 200,
      body: {},
    });
    await pusher.trigger({ name: "e", data: "hello", channel: "private-c", socket_id: null, info: null });
    await pusher.trigger({ name: "e", data: "", channel: "a", channels: null });
    expect(received.map(({ channel, payload, isDataText }) => [channel, payload, isDataText])).toEqual([
      ["a", '{"n": 1.0}', true],
      ["b", '{"n": 1.0}', true],
      ["private-c", '"hello"', undefined],
      ["a", '""', undefined],
    ]);
  });

  it("a socket_id is kept from getting it, a user's channel is one to publish to", async () => {
    await using running = await RunningPublisher.start();
    const pusher = new PusherCaller(running);
    const received = await running.record("a", "#server-to-user-u-1");
    await pusher.trigger({ ...EVENT, channels: ["a", "#server-to-user-u-1"], socket_id: "123.456" });
    expect(received).toMatchObject([
      { channel: "a", exclude: "123.456" },
      { channel: "#server-to-user-u-1", exclude: "123.456" },
    ]);
  });

  it("a batch reaches its channels in its order, and is answered with an object", async () => {
    await using running = await RunningPublisher.start();
    const received = await running.record("a", "b");
    const batch = ["a", "b", "a"].map((channel, index) => ({ channel, name: `e${index}`, data: "1" }));
    expect(await new PusherCaller(running).post("/batch_events", { batch })).toMatchObject({ status: 200, body: {} });
    expect(received.map(({ channel, event }) => [channel, event])).toEqual([
      ["a", "e0"],
      ["b", "e1"],
      ["a", "e2"],
    ]);
  });

  it("the older form takes the name from the query and the data from the body", async () => {
    await using running = await RunningPublisher.start();
    const received = await running.record("a");
    const answer = await new PusherCaller(running).post("/channels/a/events", '{"old":true}', { name: "e" });
    expect(answer).toMatchObject({ status: 202, body: {} });
    expect(received).toMatchObject([{ event: "e", payload: '{"old":true}' }]);
  });

  it.each(["/events", "/channels/a/events"])(
    "bytes that are no text are refused on %s, and nobody gets them",
    async (path) => {
      await using running = await RunningPublisher.start();
      const received = await running.record("a");
      const bytes = Buffer.concat([
        Buffer.from('{"name":"e","channel":"a","data":"'),
        Buffer.of(0xc3, 0x28),
        Buffer.from('"}'),
      ]);
      const answer = await new PusherCaller(running).post(path, bytes, { name: "e" });
      expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining("not UTF-8") } });
      expect(received).toEqual([]);
    },
  );

  it("a repeat with the same idempotency key is answered alike and delivered once", async () => {
    await using running = await RunningPublisher.start();
    const pusher = new PusherCaller(running);
    const received = await running.record("a", "b");
    const keyed = { ...EVENT, idempotency_key: "order-1" };
    for (let times = 0; times < 3; times++) expect((await pusher.trigger(keyed)).status).toBe(200);
    const batch = [{ channel: "b", name: "e", data: "1", idempotency_key: "order-1" }];
    for (let times = 0; times < 2; times++) expect((await pusher.post("/batch_events", { batch })).status).toBe(200);
    expect(received.map(({ channel, id }) => [channel, id])).toEqual([
      ["a", "order-1"],
      ["b", "order-1"],
    ]);
  });

  it.each<[string, unknown, number, RegExp]>([
    ["no JSON", "{name", 400, /not JSON|cut off/],
    ["null", "null", 400, /the body is null/],
    ["an array", "[]", 400, /an array/],
    ["no name", { data: "1", channel: "a" }, 400, /"name" is missing/],
    ["a name of the protocol", { ...EVENT, name: "pusher:x" }, 400, /"name" is not allowed/],
    ["a name that is too long", { ...EVENT, name: "x".repeat(201) }, 400, /200/],
    ["a name that is a number", { ...EVENT, name: 5 }, 400, /"name" is a number/],
    ["no data", { name: "e", channel: "a" }, 400, /"data" is missing/],
    ["data that is an object", { ...EVENT, data: { a: 1 } }, 400, /"data" is an object, not a string/],
    ["no channel", { name: "e", data: "1" }, 400, /"channel" is missing/],
    ["both of channel and channels", { ...EVENT, channel: "a" }, 400, /send one of them/],
    ["no channels", { ...EVENT, channels: [] }, 400, /name at least one/],
    ["channels that are text", { ...EVENT, channels: "a" }, 400, /not an array/],
    ["a channel with a colon", { ...EVENT, channels: ["ok", "a:b"] }, 400, /channels\[1\].*":"/],
    ["a channel that is too long", { ...EVENT, channels: ["x".repeat(201)] }, 400, /201 characters/],
    ["a user's channel without a user", { ...EVENT, channels: ["#server-to-user-"] }, 400, /#server-to-user-/],
    [
      "101 channels",
      { ...EVENT, channels: Array.from({ length: 101 }, (_, at) => `c${at}`) },
      400,
      /101 channels.*100/,
    ],
    ["a socket_id of letters", { ...EVENT, socket_id: "abc" }, 400, /"socket_id"/],
    ["an empty socket_id", { ...EVENT, socket_id: "" }, 400, /"socket_id"/],
    ["a socket_id with more behind it", { ...EVENT, socket_id: "1.2\n" }, 400, /"socket_id"/],
    ["an empty idempotency key", { ...EVENT, idempotency_key: "" }, 400, /"idempotency_key"/],
    ["unknown info", { ...EVENT, info: "members" }, 400, /"members".*user_count, subscription_count/],
    ["info that is a list", { ...EVENT, info: ["user_count"] }, 400, /"info" is an array/],
    ["user_count of no presence channel", { ...EVENT, info: "user_count" }, 400, /presence channels alone/],
    ["10,241 bytes", { ...EVENT, data: `${"é".repeat(5120)}x` }, 413, /10241 bytes.*10240 bytes/],
  ])("%s is refused, saying what to do, and nobody gets it", async (_what, body, status, text) => {
    await using running = await RunningPublisher.start();
    const received = await running.record("a", "ok");
    const answer = await new PusherCaller(running).trigger(body);
    expect(answer).toMatchObject({ status, body: { error: expect.stringMatching(text) } });
    expect(Object.keys(answer.body)).toEqual(["error"]);
    expect(received).toEqual([]);
  });

  it("10,240 bytes pass; an app's own limit holds in place of that", async () => {
    const apps = [appSettings("shop"), appSettings("big", { limits: limits({ messageBytes: 20_000 }) })];
    await using running = await RunningPublisher.start({ apps });
    expect(await new PusherCaller(running).trigger({ ...EVENT, data: "x".repeat(10_240) })).toMatchObject({
      status: 200,
    });
    const big = new PusherCaller({ url: running.url, appId: "big", key: "key-of-big", secret: "secret-of-big" });
    expect(await big.trigger({ ...EVENT, data: "x".repeat(20_000) })).toMatchObject({ status: 200 });
    expect(await big.trigger({ ...EVENT, data: "x".repeat(20_001) })).toMatchObject({ status: 413 });
  });

  it.each<[string, unknown, RegExp]>([
    ["no batch", {}, /no batch/],
    ["an empty one", { batch: [] }, /empty/],
    ["eleven", { batch: Array.from({ length: 11 }, () => ({ channel: "a", name: "e", data: "1" })) }, /11 events.*10/],
    ["null among them", { batch: [{ channel: "a", name: "e", data: "1" }, null] }, /batch\[1\]" is null/],
    ["no channel", { batch: [{ name: "e", data: "1", channels: ["a"] }] }, /"batch\[0\].channel" is missing/],
    [
      "a mistake in the last",
      { batch: [{ channel: "a", name: "e", data: "1" }, { channel: "a" }] },
      /"batch\[1\].name"/,
    ],
  ])("a batch with %s is refused as a whole", async (_what, body, text) => {
    await using running = await RunningPublisher.start();
    const received = await running.record("a");
    const answer = await new PusherCaller(running).post("/batch_events", body);
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringMatching(text) } });
    expect(received).toEqual([]);
  });

  it("a body over the publisher's limit is refused before it is read", async () => {
    await using running = await RunningPublisher.start({ maxBodyBytes: 2048 });
    const answer = await new PusherCaller(running).trigger({ ...EVENT, data: "x".repeat(3000) });
    expect(answer).toMatchObject({
      status: 413,
      body: { error: expect.stringMatching(/has 3\d\d\d bytes.*2048 bytes/) },
    });
  });

  it("the rate of an app is one for both APIs", async () => {
    const apps = [appSettings("shop", { limits: limits({ publishesPerSecond: 2 }) })];
    await using running = await RunningPublisher.start({ apps, clock: new FakeClock(Date.now()) });
    const pusher = new PusherCaller(running);
    expect((await pusher.trigger({ ...EVENT, channels: ["a", "b", "c"] })).status).toBe(200);
    expect((await running.post("/publish", { channel: "a", event: "e", payload: 1 })).status).toBe(204);
    const limited = await pusher.trigger(EVENT);
    expect(limited).toMatchObject({ status: 429, body: { error: expect.stringContaining("publishesPerSecond") } });
    expect(limited.headers.get("retry-after")).toBe("1");
  });
});

describe("Pusher's HTTP API › trouble behind it", () => {
  it("a bus that is away is a 503 that says when to come back", async () => {
    await using running = await RunningPublisher.start({
      bus: new BrokenBus(() => Promise.reject(new BusUnavailableError("the bus is away"))),
    });
    const answer = await new PusherCaller(running).trigger(EVENT);
    expect(answer).toMatchObject({ status: 503, body: { error: expect.stringContaining("nothing was accepted") } });
    expect([answer.headers.get("retry-after"), Object.keys(answer.body)]).toEqual(["1", ["error"]]);
  });

  it("what was accepted in part is told channel by channel", async () => {
    const bus = new BrokenBus(({ channel }) =>
      channel === "b" ? Promise.reject(new BusUnavailableError("the bus is away")) : Promise.resolve(TAKEN),
    );
    await using running = await RunningPublisher.start({ bus });
    const answer = await new PusherCaller(running).trigger({ ...EVENT, channels: ["a", "b", "c"] });
    expect(answer).toMatchObject({
      status: 503,
      body: { error: expect.stringContaining("results"), results: [{ channels: ["a", "c"], refused: ["b"] }] },
    });
  });

  it("a store of histories that is away refuses channels with a history, others go on", async () => {
    const bus = new MemoryBus(new MemoryBackbone({ clock: systemClock }));
    await using running = await RunningPublisher.start({
      bus,
      history: new BrokenHistory(),
      rules: historyOf("kept-*"),
    });
    const pusher = new PusherCaller(running);
    expect(await pusher.trigger({ ...EVENT, channels: ["kept-a"] })).toMatchObject({ status: 503 });
    expect(await pusher.get("/channels/cache-a", { info: "cache" })).toMatchObject({ status: 503 });
    expect(await pusher.trigger(EVENT)).toMatchObject({ status: 200 });
    await bus.close();
  });

  it("a publisher that shuts down says so in the API's own form", async () => {
    await using running = await RunningPublisher.start();
    const pusher = new PusherCaller(running);
    const kept = await pusher.trigger(EVENT);
    await running.publisher.drain(0);
    // The connection that was kept is still served.
    const answer = await pusher.trigger(EVENT);
    expect(kept.status).toBe(200);
    expect(answer).toMatchObject({ status: 503, body: { error: expect.stringContaining("shutting down") } });
  });
});
