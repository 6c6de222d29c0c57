import { TestGateway } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { CarillonServer } from "../src/index.ts";
import { APP, errorOf, RunningCarillon } from "./support/running-carillon.ts";

describe("trigger", () => {
  it("publishes on a channel, with app id, key, secret and host alone", async () => {
    await using carillon = await RunningCarillon.start();
    await using client = await carillon.client();
    await client.subscribe("user-42");
    const result = await carillon.server().trigger("user-42", "order.created", { id: 7, note: "Zoë" });
    expect(await client.events(1)).toEqual([
      { channel: "user-42", event: "order.created", payload: { id: 7, note: "Zoë" } },
    ]);
    expect(result).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      timeMs: expect.any(Number),
      channels: ["user-42"],
      duplicates: [],
      positions: {},
      receipts: null,
    });
  });

  it("publishes with the publish secret where one is given", async () => {
    await using carillon = await RunningCarillon.start({ app: { publishSecret: "a-publish-secret" } });
    const server = carillon.server({ secret: "another-secret", publishSecret: "a-publish-secret" });
    expect((await server.trigger("a", "e", 1)).channels).toEqual(["a"]);
  });

  it("publishes on several channels, and on those with a history tells the positions", async () => {
    await using carillon = await RunningCarillon.start();
    const { positions, channels } = await carillon.server().trigger(["a", "kept-b"], "e", null);
    expect(channels).toEqual(["a", "kept-b"]);
    expect(positions).toEqual({ "kept-b": expect.stringMatching(/^[\w-]+:\d+$/) });
  });

  it("a payload of undefined is null", async () => {
    await using carillon = await RunningCarillon.start();
    await using client = await carillon.client();
    await client.subscribe("a");
    await carillon.server().trigger("a", "e", undefined);
    expect(await client.events(1)).toEqual([{ channel: "a", event: "e", payload: null }]);
  });

  it.each(["exclude", "socketId"] as const)("%s leaves out the connection that caused the event", async (name) => {
    await using carillon = await RunningCarillon.start();
    await using cause = await carillon.client();
    await using other = await carillon.client();
    for (const client of [cause, other]) await client.subscribe("a");
    const server = carillon.server();
    await server.trigger("a", "first", 1, { [name]: cause.connectionId });
    await server.trigger("a", "second", 2);
    expect((await other.events(2)).map(({ event }) => event)).toEqual(["first", "second"]);
    expect((await cause.events(1)).map(({ event }) => event)).toEqual(["second"]);
  });

  it("an id makes it safe to call again: nobody gets the event twice", async () => {
    await using carillon = await RunningCarillon.start();
    await using client = await carillon.client();
    await client.subscribe("a");
    const server = carillon.server();
    const first = await server.trigger("a", "e", 1, { id: "order-7" });
    const again = await server.trigger("a", "e", 1, { id: "order-7" });
    await server.trigger("a", "last", 2);
    expect(first).toMatchObject({ id: "order-7", duplicates: [] });
    expect(again).toMatchObject({ id: "order-7", duplicates: ["a"] });
    expect((await client.events(2)).map(({ event }) => event)).toEqual(["e", "last"]);
  });

  it("receipts tell who has it", async () => {
    await using carillon = await RunningCarillon.start();
    await using client = await carillon.client();
    await client.subscribe("a");
    const triggered = carillon.server().trigger("a", "e", 1, { receipts: { timeoutMs: 5000 } });
    const delivery = await client.nextFrame((frame) => frame["event"] === "e");
    await client.request({ type: "received", channel: "a", receipt: delivery["receipt"] });
    expect((await triggered).receipts).toEqual({ expected: 1, received: 1, isComplete: true });
  });

  it("a user gets what is published on the user's own channel", async () => {
    await using carillon = await RunningCarillon.start();
    expect((await carillon.server().trigger("#server-to-user-ann", "e", 1)).channels).toEqual(["#server-to-user-ann"]);
  });
});

describe("triggerBatch", () => {
  it("publishes in order, each with its own options", async () => {
    await using carillon = await RunningCarillon.start();
    await using client = await carillon.client();
    for (const channel of ["a", "b"]) await client.subscribe(channel);
    const results = await carillon.server().triggerBatch([
      { channel: "a", event: "one", data: 1, id: "first" },
      { channel: "b", event: "two", data: 2 },
      { channel: "a", event: "three", data: 3, exclude: client.connectionId },
    ]);
    expect(results.map(({ channels }) => channels)).toEqual([["a"], ["b"], ["a"]]);
    expect(results[0]?.id).toBe("first");
    expect(new Set(results.map(({ id }) => id)).size).toBe(3);
    expect(await client.events(2)).toEqual([
      { channel: "a", event: "one", payload: 1 },
      { channel: "b", event: "two", payload: 2 },
    ]);
  });

  it("of nothing asks nobody", async () => {
    await using carillon = await RunningCarillon.start();
    expect(await carillon.server({ host: "http://127.0.0.1:1" }).triggerBatch([])).toEqual([]);
  });

  it("a mistake in one refuses all, and says which one it is", async () => {
    await using carillon = await RunningCarillon.start();
    const big = { channel: "a", event: "e", data: "x".repeat(20_000) };
    const error = await errorOf(() => carillon.server().triggerBatch([{ channel: "a", event: "e", data: 1 }, big]));
    expect(error).toMatchObject({ code: "message_too_large", message: expect.stringContaining("events[1]") });
    const unsayable = { channel: "a", event: "e", data: 1n };
    expect(
      await errorOf(() => carillon.server().triggerBatch([{ channel: "a", event: "e", data: 1 }, unsayable])),
    ).toMatchObject({ code: "invalid_payload", message: expect.stringMatching(/^events\[1\]: .*bigint/) });
  });
});

describe("trigger › refusals", () => {
  it.each<[string, [unknown, unknown, unknown, object?], string, RegExp]>([
    ["a channel that is no name", ["a b", "e", 1], "invalid_channel", /"a b".*1 to 200 characters/],
    ["no channel", [undefined, "e", 1], "invalid_field", /name a channel/],
    ["an empty list", [[], "e", 1], "invalid_field", /name a channel/],
    ["one of several", [["a", "b:c"], "e", 1], "invalid_channel", /"b:c"/],
    ["an event that is no name", ["a", "carillon:x", 1], "invalid_event", /does not begin with/],
    ["a payload that JSON can't say", ["a", "e", 10n], "invalid_payload", /bigint/],
    ["one that was not awaited", ["a", "e", Promise.resolve(1)], "invalid_payload", /a promise: await it/],
    ["a time that is none", ["a", "e", 1, { timeoutMs: "2s" }], "invalid_field", /"timeoutMs" must be a number/],
    ["no time at all", ["a", "e", 1, { timeoutMs: 0 }], "invalid_field", /"timeoutMs".*above 0/],
    ["one that refers to itself", ["a", "e", selfish()], "invalid_payload", /circular/i],
    ["an id that is none", ["a", "e", 1, { id: "x".repeat(129) }], "invalid_field", /"id".*128 bytes/],
    ["an id of an event without one", ["a", "e", 1, { id: "x", idempotent: false }], "invalid_field", /idempotent/],
    ["an excluded tab that is none", ["a", "e", 1, { socketId: "tab" }], "invalid_field", /"socketId".*"123.456"/],
    ["two of them", ["a", "e", 1, { socketId: "1.1", exclude: "1.1" }], "invalid_field", /the same/],
    ["receipts of several", [["a", "b"], "e", 1, { receipts: { timeoutMs: 1 } }], "invalid_field", /one channel/],
    ["receipts without end", ["a", "e", 1, { receipts: { timeoutMs: 1e9 } }], "invalid_field", /1 to 30000/],
  ])("%s is refused before anything is sent", async (_what, [channel, event, data, options], code, message) => {
    await using carillon = await RunningCarillon.start();
    const server = carillon.server({ host: "http://127.0.0.1:1" });
    const error = await errorOf(() =>
      server.trigger(channel as string, event as string, data, options as Record<string, never>),
    );
    expect(error).toMatchObject({ name: "CarillonError", code, status: null, isRetryable: false });
    expect((error as Error).message).toMatch(message);
  });

  it("a wrong secret is told with what to compare, and never shown", async () => {
    await using carillon = await RunningCarillon.start();
    const error = await errorOf(() => carillon.server({ secret: "not-the-secret" }).trigger("a", "e", 1));
    expect(error).toMatchObject({ code: "unauthorized", status: 401, isRetryable: false });
    expect((error as Error).message).toContain('app id "1001" and key "app-key"');
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain("not-the-secret");
  });

  it("another app's id is told in the same way", async () => {
    await using carillon = await RunningCarillon.start();
    const error = await errorOf(() => carillon.server({ appId: "1002" }).trigger("a", "e", 1));
    expect(error).toMatchObject({ code: "unauthorized", status: 401 });
  });

  it("a gateway in the place of a publisher is told to be one", async () => {
    await using gateway = await TestGateway.start();
    const server = new CarillonServer({ appId: APP.id, key: APP.key, secret: APP.secret, host: gateway.url });
    for (const publish of [
      () => server.trigger("a", "e", 1),
      () => server.triggerBatch([{ channel: "a", event: "e", data: 1 }]),
    ]) {
      const error = await errorOf(publish);
      expect(error).toMatchObject({ code: "not_found", status: 404, isRetryable: false });
      expect((error as Error).message).toContain(`"host", ${gateway.url}, looks like a gateway's`);
    }
  });

  it("a payload over the app's limit is told with size and limit", async () => {
    await using carillon = await RunningCarillon.start();
    const error = await errorOf(() => carillon.server().trigger("a", "e", "x".repeat(20_000)));
    expect(error).toMatchObject({ code: "message_too_large", status: 413, isRetryable: false });
    expect((error as Error).message).toMatch(/20002 bytes.*10240/);
  });

  it("a publisher that isn't there", async () => {
    await using carillon = await RunningCarillon.start();
    const server = carillon.server({ host: "http://127.0.0.1:1", maxRetries: 0 });
    const error = await errorOf(() => server.trigger("a", "e", 1, { id: "order-7" }));
    expect(error).toMatchObject({ code: "unreachable", status: null, isRetryable: true, ids: ["order-7"] });
    expect((error as Error).message).toMatch(/http:\/\/127\.0\.0\.1:1 can't be reached.*check "host"/);
    expect((error as Error).cause).toBeInstanceOf(Error);
  });
});

function selfish(): object {
  const value: Record<string, unknown> = {};
  value["self"] = value;
  return value;
}
