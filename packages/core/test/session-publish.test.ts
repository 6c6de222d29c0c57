import { describe, expect, it } from "vitest";
import { createApp, START_MS, TestNode } from "./support/test-node.ts";

const payload = new TextEncoder().encode("1");
const event = { channel: "private-a", event: "client-e", payload, isEchoed: false };
const refusal = (code: string) => expect.objectContaining({ ok: false, code });

describe("publish", () => {
  const withClientEvents = createApp({ clientEvents: { enabled: true, perSecond: 10 } });

  async function subscriber(app = withClientEvents) {
    const test = new TestNode();
    const connection = test.connect(app);
    const token = test.authorizer.tokenFor(connection.session.connectionId, "private-a");
    await connection.session.subscribe({ channel: "private-a", token });
    return { test, ...connection };
  }

  it("N20 › client events reach the other subscribers of a guarded channel", async () => {
    const { test, session, texts } = await subscriber();
    const other = test.connect(withClientEvents);
    await other.session.subscribe({
      channel: "private-a",
      token: test.authorizer.tokenFor(other.session.connectionId, "private-a"),
    });
    await expect(session.publish(event)).resolves.toEqual(expect.objectContaining({ ok: true }));
    expect([texts, other.texts]).toEqual([[], ["plain private-a client-e 1"]]);
  });

  it("N23 › the sender gets it too when it asks for that", async () => {
    const { session, texts } = await subscriber();
    await session.publish({ ...event, isEchoed: true });
    expect(texts).toEqual(["plain private-a client-e 1"]);
  });

  it.each([
    ["another event name", { event: "order" }, "forbidden"],
    ["a public channel", { channel: "a" }, "forbidden"],
    ["a channel it is not subscribed to", { channel: "private-b" }, "not_subscribed"],
  ])("N20 › %s is refused", async (_name, change, code) => {
    const { test, session } = await subscriber();
    await session.subscribe({ channel: "a" });
    await expect(session.publish({ ...event, ...change })).resolves.toEqual(refusal(code));
    expect(test.counters.eventsPublished).toBe(0);
  });

  it("N20 › without the app's leave there are no client events", async () => {
    const { session } = await subscriber(createApp());
    await expect(session.publish(event)).resolves.toEqual(refusal("forbidden"));
  });

  it("N20 › a subscription that still waits is none yet", async () => {
    const test = new TestNode();
    test.bus.isSlow = true;
    const { session } = test.connect(withClientEvents);
    const token = test.authorizer.tokenFor(session.connectionId, "private-a");
    const subscribed = session.subscribe({ channel: "private-a", token });
    await expect(session.publish(event)).resolves.toEqual(refusal("not_subscribed"));
    test.bus.settle("stands");
    await subscribed;
    await expect(session.publish(event)).resolves.toEqual(expect.objectContaining({ ok: true }));
  });

  it("N20 › a capability needs no subscription, no prefix and no leave", async () => {
    const test = new TestNode();
    test.authorizer.knowToken("t", { capabilities: { "orders-*": ["publish"] } });
    const { session } = test.connect(createApp());
    await session.authenticate("t");
    const answer = session.publish({ ...event, channel: "orders-1", event: "order.created" });
    await expect(answer).resolves.toEqual({
      ok: true,
      value: { messageId: "message-1", timeMs: START_MS, isDuplicate: false, position: null },
    });
    await expect(session.publish({ ...event, channel: "other" })).resolves.toEqual(refusal("forbidden"));
  });

  it("N35 › more events than the app allows a second are refused, and pass later", async () => {
    const { test, session } = await subscriber(createApp({ clientEvents: { enabled: true, perSecond: 5 } }));
    const answers = await Promise.all(Array.from({ length: 12 }, () => session.publish(event)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(10);
    expect(answers.at(-1)).toEqual(refusal("rate_limited"));
    test.clock.advance(200);
    await expect(session.publish(event)).resolves.toEqual(expect.objectContaining({ ok: true }));
    await expect(session.publish(event)).resolves.toEqual(refusal("rate_limited"));
  });

  it("N22 › a payload may be as long as the limit, and not a byte longer", async () => {
    const { session } = await subscriber(createApp({ clientEvents: { enabled: true }, limits: { messageBytes: 8 } }));
    await expect(session.publish({ ...event, payload: new Uint8Array(8) })).resolves.toEqual(
      expect.objectContaining({ ok: true }),
    );
    await expect(session.publish({ ...event, payload: new Uint8Array(9) })).resolves.toEqual(
      refusal("message_too_large"),
    );
  });

  it("the payload has been copied when the call returns", async () => {
    const { session, texts } = await subscriber();
    const reused = new TextEncoder().encode('"first"');
    const published = session.publish({ ...event, payload: reused, isEchoed: true });
    reused.fill(0x78);
    await published;
    expect(texts).toEqual(['plain private-a client-e "first"']);
  });

  it("a bus that is away refuses", async () => {
    const { test, session } = await subscriber();
    test.bus.isAway = true;
    await expect(session.publish(event)).resolves.toEqual(refusal("bus_unavailable"));
    expect(test.counters.publishesUnavailable).toBe(1);
  });
});
