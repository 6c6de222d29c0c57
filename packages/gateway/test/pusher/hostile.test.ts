import { eventually, PusherClient } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { open } from "./support/pusher-user.ts";

describe("hostile clients", () => {
  it.each([
    "",
    "{",
    "null",
    "7",
    '"x"',
    "[]",
    "{}",
    '{"event":7,"data":{}}',
    '{"event":"pusher:subscribe"}',
    '{"event":"pusher:subscribe","data":null}',
    '{"event":"pusher:subscribe","data":"nonsense"}',
    '{"event":"pusher:subscribe","data":{}}',
    '{"event":"pusher:unsubscribe","data":[]}',
    '{"event":"pusher:signin","data":{}}',
    '{"event":"client-x","data":{}}',
    `${"[".repeat(30_000)}`,
  ])("P7 › %.60s is answered with an error without a code, and others live on", async (text) => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    await using other = await open(gateway);
    client.sendRaw(text);
    const error = await client.next("pusher:error");
    expect(error).toEqual({ event: "pusher:error", data: { code: null, message: expect.stringMatching(/\w{3}/) } });
    await client.settle();
    await other.settle();
  });

  it("P7 › binary messages and unknown events are ignored", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    client.sendRaw(Buffer.from('{"event":"pusher:ping","data":{}}'));
    client.send("pusher:something_new", {});
    client.send("carillon:x", {});
    await client.settle();
    expect(client.frames.map(({ event }) => event)).toEqual(["pusher:connection_established", "pusher:pong"]);
  });

  it("P7 › a long frame is refused in words, a much longer one cuts the connection", async () => {
    await using gateway = await TestGateway.start({ settings: { maxFrameBytes: 10_000 } });
    await using client = await open(gateway);
    client.send("pusher:subscribe", { channel: "presence-a", auth: "k:s", channel_data: "x".repeat(10_000) });
    expect((await client.next("pusher:error")).data).toMatchObject({ code: null });
    await client.settle();
    client.send("pusher:subscribe", { channel: "presence-a", auth: "k:s", channel_data: "x".repeat(1_000_000) });
    expect((await client.closed).code).toBe(1006);
    await using next = await open(gateway);
    await next.settle();
  });

  it("P7 › broken UTF-8 cuts nobody else off", async () => {
    await using gateway = await TestGateway.start();
    await using other = await open(gateway);
    const client = await open(gateway);
    // ws sends strings as text frames: half a pair becomes three bytes, so the bytes have to be made text by hand.
    client.sendRawText(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]));
    await client.closed;
    await other.settle();
  });

  it("P8, P9 › ten thousand subscribes at once: the first are served, the rest refused, then 4103", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { commandsPerSecond: 50 } })] });
    await using client = await open(gateway);
    for (let index = 0; index < 10_000; index++) client.send("pusher:subscribe", { channel: `c-${index}` });
    const { code } = await client.closed;
    expect(code).toBe(4103);
    expect(client.all("pusher_internal:subscription_succeeded")).toHaveLength(200);
    const errors = client.all("pusher:subscription_error").map(({ data }) => data as { type: string });
    expect(errors.length).toBeGreaterThanOrEqual(99);
    expect(new Set(errors.map(({ type }) => type))).toEqual(new Set(["LimitReached"]));
    await eventually(() => expect(gateway.gateway.subscriptions).toBe(0));
  });

  it("P8 › a client that comes back with all of its channels at once is served", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { commandsPerSecond: 50 } })] });
    await using client = await open(gateway);
    for (let index = 0; index < 200; index++) client.send("pusher:subscribe", { channel: `c-${index}`, auth: "" });
    await client.next("pusher_internal:subscription_succeeded", undefined, 200);
    await client.settle();
    expect(client.all("pusher:subscription_error")).toEqual([]);
  });

  it("P8, P9 › a hundred pieces of nonsense in a row: 4011, one good frame between and it lives on", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    for (let index = 0; index < 99; index++) client.sendRaw("nonsense");
    await client.subscribe("orders");
    for (let index = 0; index < 99; index++) client.sendRaw("nonsense");
    await client.settle();
    client.sendRaw("nonsense");
    expect((await client.closed).code).toBe(4011);
    expect(
      client
        .all("pusher:error")
        .slice(0, -1)
        .every(({ data }) => (data as { code: null }).code === null),
    ).toBe(true);
  });

  it.each<[string, string, object, string | undefined]>([
    ["subscribes to a name that is none", "pusher:subscribe", { channel: "room:0" }, undefined],
    ["unsubscribes of one", "pusher:unsubscribe", { channel: "room:0" }, undefined],
    ["client events on one", "client-x", {}, "private-room:0"],
    ["client events with a name that is none", `client-${"x".repeat(200)}`, {}, "private-a"],
  ])("P8, P16, P28 › three hundred %s in a row close nothing", async (_what, event, data, channel) => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    for (let index = 0; index < 300; index++) client.send(event, data, channel);
    await client.settle();
    const answers = client.frames.slice(1, -1).map((frame) => (frame.event === "pusher:error" ? frame.data : frame));
    expect(answers).toHaveLength(event === "pusher:unsubscribe" ? 0 : 300);
    const expected =
      event === "pusher:subscribe"
        ? { event: "pusher:subscription_error", channel: "room:0", data: { type: "InvalidRequest", status: 400 } }
        : { code: null, message: expect.stringMatching(/name/) };
    for (const answer of answers) expect(answer).toMatchObject(expected);
  });

  it("P8, P15 › subscribes to a name that is none, too fast: LimitReached on the channel, then 4103", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { commandsPerSecond: 50 } })] });
    await using client = await open(gateway);
    for (let index = 0; index < 10_000; index++) client.send("pusher:subscribe", { channel: "room:0" });
    expect((await client.closed).code).toBe(4103);
    const types = client.all("pusher:subscription_error", "room:0").map(({ data }) => (data as { type: string }).type);
    expect(new Set(types)).toEqual(new Set(["InvalidRequest", "LimitReached"]));
  });

  it("P7 › whatever is sent, the gateway lives on and never closes with a code of 4300 or above", async () => {
    await using gateway = await TestGateway.start();
    await using other = await open(gateway);
    const name = fc.constantFrom(
      ...["pusher:subscribe", "pusher:unsubscribe", "pusher:signin", "pusher:ping", "pusher:pong", "client-x"],
    );
    const data = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          channel: fc.oneof(
            fc.string(),
            fc.constantFrom("a", "private-a", "presence-a", "#server-to-user-", "__proto__"),
          ),
          auth: fc.oneof(fc.string(), fc.constantFrom("app-key:", ":", "app-key:00")),
          channel_data: fc.oneof(fc.json(), fc.string()),
          user_data: fc.json(),
          recovery: fc.constantFrom(1, "1", null),
          recover: fc.oneof(fc.jsonValue(), fc.record({ position: fc.jsonValue(), socket_id: fc.jsonValue() })),
        },
        { requiredKeys: [] },
      ),
    );
    const frame = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc
        .record({ event: fc.oneof(name, fc.string()), data, channel: fc.jsonValue() })
        .map((each) => JSON.stringify(each)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 40 }), async (frames) => {
        await using client = await PusherClient.open(gateway.pusherUrl);
        for (const each of frames) client.sendRaw(each);
        client.send("pusher:ping", {});
        await client.until(() => client.all("pusher:pong")[0] ?? client.closure ?? undefined, "pong or close");
        expect(client.closure?.code ?? 0).toBeLessThan(4300);
      }),
      { numRuns: 150 },
    );
    await other.settle();
    expect(gateway.gateway.connections).toBeLessThanOrEqual(2);
  }, 60_000);
});
