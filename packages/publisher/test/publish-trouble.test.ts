import { type BusPublishResult, BusUnavailableError, type Clock, IdempotencyUnavailableError } from "@carillon/core";
import { systemClock } from "@carillon/service";
import { describe, expect, it, vi } from "vitest";
import { appSettings, limits } from "./support/apps.ts";
import { BrokenBus, TAKEN } from "./support/broken-bus.ts";
import { RawConnection } from "./support/raw-connection.ts";
import { RunningPublisher } from "./support/running-publisher.ts";

const EVENT = { channel: "a", event: "e", payload: 1 };

describe("publishing without a bus", () => {
  it("answers 503, with when to try again, and accepts nothing", async () => {
    await using running = await RunningPublisher.start();
    await running.memoryBus.close();
    const bodies = [EVENT, { channels: ["a", "b"], event: "e" }, { ...EVENT, id: "1" }];
    for (const body of bodies) {
      const response = await running.post("/publish", body, { prefer: "return=representation" });
      expect(response.status).toBe(503);
      expect(response.headers.get("retry-after")).toBe("1");
      const problem = await response.json();
      expect(problem).toMatchObject({
        code: "bus_unavailable",
        detail: expect.stringContaining("nothing was accepted"),
      });
      expect(problem).not.toHaveProperty("results");
    }
    expect((await running.post("/publish/batch", { events: [EVENT, EVENT] })).status).toBe(503);
    expect(running.counters.eventsPublished).toBe(0);
  });

  it("tells what was accepted when the bus fails in the middle of a batch", async () => {
    const bus = new BrokenBus(async ({ channel }) => {
      if (channel.startsWith("lost")) throw new BusUnavailableError("the connection was cut");
      return TAKEN;
    });
    await using running = await RunningPublisher.start({ bus });
    const events = [
      { channel: "a", event: "e", id: "1" },
      { channel: "lost", event: "e", id: "2" },
      { channel: "lost", event: "e" },
      { channels: ["b", "lost-too", "c"], event: "e" },
    ];
    const response = await running.post("/publish/batch", { events });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({
      type: "urn:carillon:error:bus_unavailable",
      code: "bus_unavailable",
      status: 503,
      results: [
        { id: "1", time: expect.any(Number), channels: ["a"] },
        { id: "2", channels: [], refused: ["lost"] },
        { channels: [], refused: ["lost"] },
        { id: expect.any(String), time: expect.any(Number), channels: ["b", "c"], refused: ["lost-too"] },
      ],
    });
    expect(running.counters).toMatchObject({ eventsPublished: 3, publishesUnavailable: 3 });
  });

  it("tells what was accepted when the bus fails between the channels of one event", async () => {
    const bus = new BrokenBus(async ({ channel }) => {
      if (channel === "b") throw new BusUnavailableError("the connection was cut");
      return TAKEN;
    });
    await using running = await RunningPublisher.start({ bus });
    const response = await running.post("/publish", { channels: ["a", "b"], event: "e" });
    expect(await response.json()).toMatchObject({ status: 503, results: [{ channels: ["a"], refused: ["b"] }] });
  });

  it("passes on that only the idempotency store is away", async () => {
    const bus = new BrokenBus(() => Promise.reject(new IdempotencyUnavailableError("no JetStream")));
    await using running = await RunningPublisher.start({ bus });
    const response = await running.post("/publish", { ...EVENT, id: "1" });
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ status: 503, code: "idempotency_unavailable" });
  });

  it("answers a bug with 500, and goes on", async () => {
    const bus = new BrokenBus(async ({ channel }) => {
      if (channel === "bug") throw new Error("secret internals");
      return TAKEN;
    });
    await using running = await RunningPublisher.start({ bus });
    const response = await running.post("/publish", { ...EVENT, channel: "bug" });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("internals");
    expect((await running.post("/publish", EVENT)).status).toBe(204);
    expect(running.publisher.counters.inFlight).toBe(0);
    expect(running.publisher.counters.answers.get(500)).toBe(1);
  });
});

describe("the rate of an app", () => {
  it("lets twice the rate through at once, then answers 429 with when to try again", async () => {
    let nowMs = 0;
    const clock: Clock = { ...systemClock, monotonic: () => nowMs };
    const slow = appSettings("shop", { limits: limits({ publishesPerSecond: 2 }) });
    await using running = await RunningPublisher.start({ apps: [slow, appSettings("forum")], clock });
    const received = await running.record("a");
    const publish = async (headers = {}) => (await running.post("/publish", EVENT, headers)).status;
    expect([await publish(), await publish(), await publish(), await publish()]).toEqual([204, 204, 204, 204]);
    const refused = await running.post("/publish", EVENT);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({
      code: "rate_limited",
      detail: expect.stringContaining("2 events a second"),
    });
    expect(received).toHaveLength(4);
    // Another app has its own.
    expect(await publish({ "x-publish-secret": "publish-secret-of-forum" })).toBe(204);
    nowMs = 500;
    expect([await publish(), await publish()]).toEqual([204, 429]);
  });

  it("counts an event once for each channel, and lets a large batch through when one event is due", async () => {
    let nowMs = 0;
    const clock: Clock = { ...systemClock, monotonic: () => nowMs };
    const slow = appSettings("shop", { limits: limits({ publishesPerSecond: 2 }) });
    await using running = await RunningPublisher.start({ apps: [slow], clock });
    const events = [EVENT, { channels: ["a", "b", "c"], event: "e" }, EVENT, EVENT, EVENT, EVENT, EVENT];
    // Nine of the four that may go at once: five are owed.
    expect((await running.post("/publish/batch", { events })).status).toBe(204);
    const refused = await running.post("/publish", EVENT);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3"]);
    nowMs = 3000;
    expect((await running.post("/publish", EVENT)).status).toBe(204);
  });

  it("does not count calls that were refused", async () => {
    const clock: Clock = { ...systemClock, monotonic: () => 0 };
    const slow = appSettings("shop", { limits: limits({ publishesPerSecond: 1 }) });
    await using running = await RunningPublisher.start({ apps: [slow], clock });
    for (let call = 0; call < 5; call++) expect((await running.post("/publish", {})).status).toBe(400);
    expect((await running.post("/publish", EVENT)).status).toBe(204);
    expect((await running.post("/publish", EVENT)).status).toBe(204);
    expect((await running.post("/publish", EVENT)).status).toBe(429);
  });
});

describe("the end of a publisher", () => {
  it("closes connections behind its answers while it leaves, and still serves", async () => {
    await using running = await RunningPublisher.start();
    using connection = new RawConnection(running.port);
    connection.publish(JSON.stringify(EVENT));
    expect(await connection.nextAnswer()).not.toMatch(/connection: close/i);
    running.publisher.leave();
    connection.publish(JSON.stringify(EVENT));
    expect(await connection.nextAnswer()).toMatch(/^HTTP\/1.1 204 .*connection: close/is);
    await connection.closed();
    expect(running.publisher.isDraining).toBe(false);
  });

  it("answers what is in flight, and resolves then", async () => {
    let release: (result: BusPublishResult) => void = () => undefined;
    const bus = new BrokenBus(() => new Promise((resolve) => (release = resolve)));
    await using running = await RunningPublisher.start({ bus });
    const { publisher } = running;
    const held = running.post("/publish", EVENT);
    await vi.waitFor(() => expect(publisher.counters.inFlight).toBe(1), 10_000);

    const order: string[] = [];
    const answered = held.then(({ status, headers }) => order.push(`${status} ${headers.get("connection")}`));
    const drained = publisher.drain(60_000).then((unanswered) => order.push(`${unanswered} unanswered`));
    expect(publisher.isDraining).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual([]);
    release(TAKEN);
    await Promise.all([answered, drained]);
    expect(order.sort()).toEqual(["0 unanswered", "204 close"]);
  });

  it("refuses calls on connections that were open, and closes those", async () => {
    await using running = await RunningPublisher.start();
    using connection = new RawConnection(running.port);
    connection.publish(JSON.stringify(EVENT));
    expect(await connection.nextAnswer()).toMatch(/^HTTP\/1.1 204 /);
    const drained = running.publisher.drain(60_000);
    connection.publish(JSON.stringify(EVENT));
    const answer = await connection.nextAnswer();
    expect(answer).toMatch(/^HTTP\/1.1 503 /);
    expect(answer).toMatch(/connection: close/i);
    expect(answer).toContain("retry-after: 1");
    expect(answer).toContain(`"code":"draining"`);
    await connection.closed();
    expect(await drained).toBe(0);
    await expect(running.post("/publish", EVENT)).rejects.toThrow();
  });

  it("gives up at the limit and says how many are unanswered", async () => {
    const bus = new BrokenBus(() => new Promise(() => undefined));
    await using running = await RunningPublisher.start({ bus });
    const held = running.post("/publish", EVENT).catch(() => null);
    await vi.waitFor(() => expect(running.publisher.counters.inFlight).toBe(1), 10_000);
    expect(await running.publisher.drain(1)).toBe(1);
    await running[Symbol.asyncDispose]();
    await held;
  });
});
