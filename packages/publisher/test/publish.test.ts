import type { Clock } from "@carillon/core";
import { systemClock } from "@carillon/service";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { appSettings } from "./support/apps.ts";
import { Recorder } from "./support/recorder.ts";
import { RunningPublisher, SECRET } from "./support/running-publisher.ts";

describe("POST /publish", () => {
  it("does what the guide's fetch expects: 204, and a subscriber gets the event", async () => {
    const clock: Clock = { ...systemClock, now: () => 1_767_225_600_000 };
    await using running = await RunningPublisher.start({ clock });
    const received = await running.record("user-42");
    const URL = running.url;
    const channel = "user-42";
    const event = "order.updated";
    const payload = { id: 7, status: "shipped" };
    const response = await fetch(`${URL}/publish`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-publish-secret": SECRET },
      body: JSON.stringify({ channel, event, payload }),
    });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    expect(received).toEqual([
      {
        channel,
        event,
        payload: `{"id":7,"status":"shipped"}`,
        id: "made-1",
        exclude: "",
        timeMs: 1_767_225_600_000,
      },
    ]);
    expect(running.counters.eventsPublished).toBe(1);
  });

  it("publishes only to the app whose secret it is", async () => {
    await using running = await RunningPublisher.start({ apps: [appSettings("shop"), appSettings("forum")] });
    const shop = new Recorder("shop", "news");
    const forum = new Recorder("forum", "news");
    await running.memoryBus.subscribe(shop);
    await running.memoryBus.subscribe(forum);
    const body = { channel: "news", event: "e", payload: 1 };
    const response = await running.post("/publish", body, { "x-publish-secret": "publish-secret-of-forum" });
    expect(response.status).toBe(204);
    expect(shop.received).toHaveLength(0);
    expect(forum.received).toHaveLength(1);
  });

  it.each(["Bearer", "bearer", "BEARER "])("takes the secret as Authorization: %s", async (scheme) => {
    await using running = await RunningPublisher.start();
    const response = await fetch(`${running.url}/publish`, {
      method: "POST",
      headers: { authorization: `${scheme} ${SECRET}` },
      body: `{"channel":"a","event":"e"}`,
    });
    expect(response.status).toBe(204);
  });

  it("delivers any payload byte for byte", async () => {
    await using running = await RunningPublisher.start();
    const received = await running.record("a");
    const odd = fc.constantFrom(
      "12345678901234567890",
      "1.0",
      "-0",
      "1e+2",
      `{ "b" : 1 ,\t"a":\r\n [ ] }`,
      `"\\u00e9é\\/\u2028"`,
      `"\\ud800"`,
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), odd), fc.constantFrom("", " ", "\n\t"), async (payload, blank) => {
        received.length = 0;
        const text = `{"channel":"a",${blank}"payload"${blank}:${blank}${payload}${blank},"event":"e"}`;
        expect((await running.post("/publish", text)).status).toBe(204);
        expect(received.map((each) => each.payload)).toEqual([payload]);
      }),
      { numRuns: 60 },
    );
  });

  it("delivers once on each of several channels, with one id on all of them", async () => {
    await using running = await RunningPublisher.start();
    const received = await running.record("a", "b", "c");
    const body = { channels: ["b", "a", "b"], event: "e", payload: 1 };
    expect((await running.post("/publish", body)).status).toBe(204);
    expect(received.map(({ channel, id }) => [channel, id])).toEqual([
      ["b", "made-1"],
      ["a", "made-1"],
    ]);
  });

  it("passes on the connection to exclude", async () => {
    await using running = await RunningPublisher.start();
    const received = await running.record("a");
    await running.post("/publish", { channel: "a", event: "e", exclude: "123.456" });
    expect(received).toMatchObject([{ exclude: "123.456", payload: "null" }]);
  });

  it("answers with id, time and channels when a representation is preferred", async () => {
    await using running = await RunningPublisher.start();
    const body = { channels: ["a", "b"], event: "e", payload: 1 };
    const response = await running.post("/publish", body, { prefer: "respond-async, return=representation" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("preference-applied")).toBe("return=representation");
    expect(await response.json()).toEqual({ id: "made-1", time: expect.any(Number), channels: ["a", "b"] });
    const minimal = await running.post("/publish", body, { prefer: "return=minimal" });
    expect(minimal.status).toBe(204);
  });

  it("delivers an id once on each channel, and tells repeats", async () => {
    await using running = await RunningPublisher.start();
    const received = await running.record("a", "b");
    const prefer = { prefer: "return=representation" };
    const first = await running.post("/publish", { channel: "a", event: "e", payload: 1, id: "order-1" }, prefer);
    expect(await first.json()).toEqual({ id: "order-1", time: expect.any(Number), channels: ["a"] });
    const second = { channels: ["a", "b"], event: "e", payload: 2, id: "order-1" };
    const repeat = await running.post("/publish", second, prefer);
    expect(await repeat.json()).toMatchObject({ id: "order-1", channels: ["a", "b"], duplicates: ["a"] });
    expect((await running.post("/publish", second)).status).toBe(204);
    expect(received.map(({ channel, payload }) => [channel, payload])).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
    expect(running.counters).toMatchObject({ eventsPublished: 2, duplicatePublishes: 3 });
  });

  it("takes new settings of an app at once", async () => {
    await using running = await RunningPublisher.start();
    const body = { channel: "a", event: "e", payload: 1 };
    running.apps.reload([appSettings("shop", { publishSecret: "rotated" })]);
    expect((await running.post("/publish", body)).status).toBe(401);
    expect((await running.post("/publish", body, { "x-publish-secret": "rotated" })).status).toBe(204);
  });
});

describe("POST /publish/batch", () => {
  it("publishes the events in order", async () => {
    await using running = await RunningPublisher.start();
    const received = await running.record("a", "b");
    const events = [
      { channel: "a", event: "first", payload: 1 },
      { channels: ["b", "a"], event: "second", payload: { x: 2 }, exclude: "1.2" },
      { channel: "b", event: "third" },
    ];
    expect((await running.post("/publish/batch", { events })).status).toBe(204);
    const on = (channel: string) => received.filter((each) => each.channel === channel).map(({ event }) => event);
    expect(on("a")).toEqual(["first", "second"]);
    expect(on("b")).toEqual(["second", "third"]);
    expect(received.find(({ event }) => event === "second")).toMatchObject({ payload: `{"x":2}`, exclude: "1.2" });
  });

  it("answers with results in order when a representation is preferred, even for one event", async () => {
    await using running = await RunningPublisher.start();
    const headers = { prefer: "return=representation" };
    const events = [
      { channel: "a", event: "e", id: "1" },
      { channel: "b", event: "e" },
      { channel: "a", event: "e", id: "1" },
    ];
    const response = await running.post("/publish/batch", { events }, headers);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      results: [
        { id: "1", time: expect.any(Number), channels: ["a"] },
        { id: "made-1", time: expect.any(Number), channels: ["b"] },
        { id: "1", time: expect.any(Number), channels: ["a"], duplicates: ["a"] },
      ],
    });
    const one = await running.post("/publish/batch", { events: events.slice(1, 2) }, headers);
    expect(await one.json()).toMatchObject({ results: [{ channels: ["b"] }] });
  });

  it("publishes nothing when one event is wrong, and names it", async () => {
    await using running = await RunningPublisher.start();
    const received = await running.record("a");
    const events = [{ channel: "a", event: "e" }, { channel: "a" }];
    const response = await running.post("/publish/batch", { events });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: "missing_field",
      detail: expect.stringContaining(`"events[1].event" is missing`),
    });
    expect(received).toHaveLength(0);
  });
});
