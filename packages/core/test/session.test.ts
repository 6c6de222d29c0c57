import { describe, expect, it } from "vitest";
import { createApp, NOTHING, settled, TestNode } from "./support/test-node.ts";

const payload = new TextEncoder().encode("1");
const event = { channel: "private-a", event: "client-e", payload, isEchoed: false };
const refusal = (code: string) => expect.objectContaining({ ok: false, code });

it("P40 › another codec is chosen before the first subscription, and not while one stands or is waited for", async () => {
  const test = new TestNode();
  const { session, texts } = test.connect(createApp());
  expect(session.useCodec(test.otherCodec)).toBe(true);
  const answer = session.subscribe({ channel: "a" });
  expect(session.useCodec(test.codec)).toBe(false);
  await answer;
  expect([session.useCodec(test.codec), session.codec]).toEqual([false, test.otherCodec]);
  await test.publish("a");
  expect(texts).toEqual(["other a e 1"]);
  session.unsubscribe("a");
  expect(session.useCodec(test.codec)).toBe(true);
  session.onClosed();
  expect(test.leftovers()).toEqual(NOTHING);
});

describe("subscribe", () => {
  it("N14 › is accepted at once where the interest stands, and later where the bus has to be asked", async () => {
    const test = new TestNode();
    const [first, second] = [test.connect(createApp()), test.connect(createApp())];
    const answer = first.session.subscribe({ channel: "a" });
    expect(answer).toBeInstanceOf(Promise);
    await expect(answer).resolves.toEqual({ ok: true });
    expect(second.session.subscribe({ channel: "a" })).toEqual({ ok: true });
    await test.publish("a");
    expect([first.texts, second.texts]).toEqual([["plain a e 1"], ["plain a e 1"]]);
    expect(test.bus.log).toHaveLength(1);
  });

  it("N14 › is not accepted before the bus has the interest", async () => {
    const test = new TestNode();
    test.bus.isSlow = true;
    const { session } = test.connect(createApp());
    let isAnswered = false;
    const answer = Promise.resolve(session.subscribe({ channel: "a" })).then(() => {
      isAnswered = true;
    });
    await settled();
    expect(isAnswered).toBe(false);
    test.bus.settle("stands");
    await answer;
    expect(isAnswered).toBe(true);
  });

  it("N15 › a repeat is accepted, and every event still comes once", async () => {
    const test = new TestNode();
    const { session, texts, transport } = test.connect(createApp());
    await session.subscribe({ channel: "a" });
    for (let times = 0; times < 5; times++) expect(session.subscribe({ channel: "a" })).toEqual({ ok: true });
    await test.publish("a");
    expect(texts).toEqual(["plain a e 1"]);
    expect([session.subscriptionCount, test.counters.deliveries]).toEqual([1, 1]);
    session.unsubscribe("a");
    await test.publish("a");
    expect(transport.texts).toHaveLength(1);
    expect(test.bus.held.size).toBe(0);
  });

  it("N15 › a repeat while the bus is slow gets the answer of the first", async () => {
    const test = new TestNode();
    test.bus.isSlow = true;
    const { session } = test.connect(createApp());
    const answers = [session.subscribe({ channel: "a" }), session.subscribe({ channel: "a" })];
    expect([session.subscriptionCount, test.bus.waiting]).toEqual([1, 1]);
    test.bus.settle("stands");
    await expect(Promise.all(answers)).resolves.toEqual([{ ok: true }, { ok: true }]);
    session.unsubscribe("a");
    expect(test.bus.held.size).toBe(0);
  });

  it("N18 › a late unsubscribe doesn't remove a newer subscription, while the bus is slow", async () => {
    const test = new TestNode();
    test.bus.isSlow = true;
    const { session, texts } = test.connect(createApp());
    const first = session.subscribe({ channel: "a" });
    expect(session.unsubscribe("a")).toBe(true);
    const second = session.subscribe({ channel: "a" });
    while (test.bus.waiting > 0) test.bus.settle("stands");
    await expect(first).resolves.toEqual(refusal("cancelled"));
    await expect(second).resolves.toEqual({ ok: true });
    await test.publish("a");
    expect([texts, session.subscriptionCount]).toEqual([["plain a e 1"], 1]);
    session.onClosed();
    expect(test.leftovers()).toEqual(NOTHING);
  });

  it("N18 › unsubscribing says whether there was something to undo", async () => {
    const test = new TestNode();
    const { session } = test.connect(createApp());
    await session.subscribe({ channel: "a" });
    expect([session.unsubscribe("b"), session.unsubscribe("a"), session.unsubscribe("a")]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it("a refusal of the bus is told to everybody who waits, and leaves nothing", async () => {
    const test = new TestNode();
    test.bus.isSlow = true;
    const [first, second] = [test.connect(createApp()), test.connect(createApp())];
    const answers = [first.session.subscribe({ channel: "a" }), second.session.subscribe({ channel: "a" })];
    test.bus.settle("refused");
    await expect(Promise.all(answers)).resolves.toEqual([refusal("bus_unavailable"), refusal("bus_unavailable")]);
    expect([first.session.subscriptionCount, test.failures.length]).toEqual([0, 1]);
    expect(test.leftovers()).toEqual({ ...NOTHING, connections: 2 });
    test.bus.isSlow = false;
    await expect(first.session.subscribe({ channel: "a" })).resolves.toEqual({ ok: true });
  });

  it("a close while the bus is slow gives everything back, whatever the bus says then", async () => {
    for (const outcome of ["stands", "refused"] as const) {
      const test = new TestNode();
      const { session, transport } = test.connect(createApp());
      await session.subscribe({ channel: "stands" });
      test.bus.isSlow = true;
      const answers = [session.subscribe({ channel: "a" }), session.subscribe({ channel: "b" })];
      transport.terminate();
      session.onClosed();
      while (test.bus.waiting > 0) test.bus.settle(outcome);
      for (const answer of await Promise.all(answers)) expect(answer.ok).toBe(false);
      await settled();
      expect(test.leftovers()).toEqual(NOTHING);
    }
  });

  it("N36 › the channel limit counts those that still wait, and what was left makes room", async () => {
    const test = new TestNode();
    test.bus.isSlow = true;
    const { session } = test.connect(createApp({ limits: { channelsPerConnection: 2 } }));
    const answers = [session.subscribe({ channel: "a" }), session.subscribe({ channel: "b" })];
    expect(session.subscribe({ channel: "c" })).toEqual(refusal("channel_limit"));
    expect(session.subscribe({ channel: "a" })).toBe(answers[0]);
    while (test.bus.waiting > 0) test.bus.settle("stands");
    await Promise.all(answers);
    expect(session.subscribe({ channel: "c" })).toEqual(refusal("channel_limit"));
    session.unsubscribe("a");
    test.bus.isSlow = false;
    await expect(session.subscribe({ channel: "c" })).resolves.toEqual({ ok: true });
  });

  it("the same name in two apps is two channels", async () => {
    const test = new TestNode();
    const [one, other] = [test.connect(createApp()), test.connect(createApp({ id: "1002" }))];
    await Promise.all([one.session.subscribe({ channel: "a" }), other.session.subscribe({ channel: "a" })]);
    await test.publish("a", { appId: "1002" });
    expect([one.texts, other.texts]).toEqual([[], ["plain a e 1"]]);
  });
});

describe("the end", () => {
  it("N39 › is announced once and closed once, with the first reason", () => {
    const test = new TestNode();
    const { session, closings, transport } = test.connect(createApp());
    session.end("drain");
    session.end("protocol_violation");
    expect([closings, transport.closes]).toEqual([["drain"], [{ code: 4200, reason: expect.stringMatching(/./) }]]);
  });

  it("has the number that the protocol gives it, where it differs from the registry's", () => {
    const test = new TestNode();
    const { session, closings, transport } = test.connect(createApp(), test.codec, { disconnected: 4009 });
    session.end("disconnected");
    expect([closings, transport.closes]).toEqual([["disconnected"], [{ code: 4009, reason: expect.any(String) }]]);
    const other = test.connect(createApp(), test.codec, { disconnected: 4009 });
    other.session.end("drain");
    expect(other.transport.closes).toEqual([{ code: 4200, reason: expect.any(String) }]);
  });

  it("a closed session takes part in nothing any more", async () => {
    const test = new TestNode();
    test.authorizer.knowToken("t", { capabilities: { "*": ["subscribe", "publish"] } });
    const { session, closings } = test.connect(createApp());
    await session.authenticate("t");
    await session.subscribe({ channel: "a" });
    session.onClosed();
    session.onClosed();
    expect(session.subscribe({ channel: "a" })).toEqual(refusal("cancelled"));
    await expect(session.publish(event)).resolves.toEqual(refusal("cancelled"));
    expect(session.unsubscribe("a")).toBe(false);
    session.end("drain");
    test.clock.advance(7_200_000);
    expect([closings, session.subscriptionCount, test.leftovers()]).toEqual([[], 0, NOTHING]);
  });

  it("N36 › channels that come and go are bounded over time, and never those of who only comes", async () => {
    const test = new TestNode();
    const app = createApp({ limits: { channelsPerConnection: 3, commandsPerSecond: 2 } });
    const { session } = test.connect(app);
    const subscribe = async (channel: string) => session.subscribe({ channel });
    for (const channel of ["a", "b", "c"]) expect(await subscribe(channel)).toMatchObject({ ok: true });
    for (let count = 0; count < 6; count++) {
      session.unsubscribe("a");
      expect(await subscribe("a")).toMatchObject({ ok: true });
    }
    session.unsubscribe("a");
    expect(await subscribe("a")).toEqual(refusal("rate_limited"));
    // What stands is answered as ever.
    expect(await subscribe("b")).toMatchObject({ ok: true });
    test.clock.advance(500);
    expect(await subscribe("a")).toMatchObject({ ok: true });
    session.unsubscribe("a");
    expect(await subscribe("d")).toEqual(refusal("rate_limited"));
    app.settings = createApp({ limits: { channelsPerConnection: 0 } }).settings;
    expect(await subscribe("d")).toMatchObject({ ok: true });
  });

  it("N35 › commands are counted against the limit of the moment", () => {
    const test = new TestNode();
    const app = createApp({ limits: { commandsPerSecond: 2 } });
    const { session } = test.connect(app);
    expect(Array.from({ length: 5 }, () => session.takeCommand())).toEqual([true, true, true, true, false]);
    app.settings = createApp().settings;
    expect(session.takeCommand()).toBe(true);
  });
});
