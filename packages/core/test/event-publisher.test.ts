import {
  type ChannelRules,
  createNodeCounters,
  EventPublisher,
  HistoryUnavailableError,
  IdempotencyUnavailableError,
  MemoryBackbone,
  MemoryBus,
  MemoryHistory,
  type PublishOutcome,
  type PublishTracer,
  type TraceContext,
} from "@carillon/core";
import { decodeEnvelope } from "@carillon/protocol";
import { FakeClock } from "@carillon/testkit";
import { RecordingReceiver } from "@carillon/testkit/contracts";
import { expect, it } from "vitest";
import { GatedBus } from "./support/gated-bus.ts";
import { START_MS } from "./support/test-node.ts";

const ADDRESS = { appId: "1", channel: "a" };
const event = { event: "e", payload: new TextEncoder().encode("{ }"), exclude: "" };

async function createPublisher() {
  const clock = new FakeClock(START_MS);
  const bus = new GatedBus(new MemoryBus(new MemoryBackbone({ clock })));
  const counters = createNodeCounters();
  let messages = 0;
  const ids = { nodeNumber: 1, random: () => 0, messageId: () => `made-${++messages}` };
  const receiver = new RecordingReceiver("1", "a");
  await bus.subscribe(receiver);
  const envelopes = () => receiver.envelopes.map((bytes) => decodeEnvelope(bytes));
  return { bus, counters, envelopes, publisher: new EventPublisher({ bus, clock, ids, counters }) };
}

it("EventPublisher › stamps an event and hands it to the bus as it is", async () => {
  const { publisher, envelopes, counters } = await createPublisher();
  const result = await publisher.publish(ADDRESS, { ...event, exclude: "1.2" });
  expect(result).toEqual({
    ok: true,
    value: { messageId: "made-1", timeMs: START_MS, isDuplicate: false, position: null },
  });
  expect(envelopes()).toEqual([
    { id: "made-1", timeMs: START_MS, exclude: "1.2", event: "e", payload: expect.anything() },
  ]);
  expect(new TextDecoder().decode(envelopes()[0]?.payload)).toBe("{ }");
  expect(counters).toEqual(
    expect.objectContaining({ eventsPublished: 1, duplicatePublishes: 0, publishesUnavailable: 0 }),
  );
});

it("EventPublisher › a caller's id is the message's, and a repeat of it is told and not delivered", async () => {
  const { publisher, envelopes, counters } = await createPublisher();
  const first = await publisher.publish(ADDRESS, { ...event, id: "mine", isIdempotent: true });
  const second = await publisher.publish(ADDRESS, { ...event, id: "mine", isIdempotent: true });
  expect([first, second].map((each) => each.ok && each.value)).toEqual([
    { messageId: "mine", timeMs: START_MS, isDuplicate: false, position: null },
    { messageId: "mine", timeMs: START_MS, isDuplicate: true, position: null },
  ]);
  expect(envelopes()).toHaveLength(1);
  expect(counters).toEqual(expect.objectContaining({ eventsPublished: 1, duplicatePublishes: 1 }));
});

it("EventPublisher › without an id nothing is checked: equal events are two", async () => {
  const { publisher, envelopes } = await createPublisher();
  await publisher.publish(ADDRESS, event);
  await publisher.publish(ADDRESS, event);
  expect(envelopes().map((envelope) => envelope?.id)).toEqual(["made-1", "made-2"]);
});

it("EventPublisher › a bus that is away is a refusal that may be retried as it is", async () => {
  const { publisher, bus, envelopes, counters } = await createPublisher();
  bus.isAway = true;
  const refused = await publisher.publish(ADDRESS, { ...event, id: "mine", isIdempotent: true });
  expect(refused).toEqual({ ok: false, code: "bus_unavailable", message: expect.stringMatching(/./) });
  expect(counters).toEqual(expect.objectContaining({ eventsPublished: 0, publishesUnavailable: 1 }));
  bus.isAway = false;
  const retried = await publisher.publish(ADDRESS, { ...event, id: "mine", isIdempotent: true });
  expect(retried.ok && retried.value.isDuplicate).toBe(false);
  expect(envelopes()).toHaveLength(1);
});

it("EventPublisher › a store of ids that is away is a refusal of its own, and any other failure is a bug", async () => {
  const clock = new FakeClock();
  const failing = (error: Error) => {
    const bus = new MemoryBus(new MemoryBackbone({ clock }));
    bus.publish = () => Promise.reject(error);
    const ids = { nodeNumber: 1, random: () => 0, messageId: () => "m" };
    return new EventPublisher({ bus, clock, ids, counters: createNodeCounters() });
  };
  const unavailable = failing(new IdempotencyUnavailableError("the store is away"));
  await expect(unavailable.publish(ADDRESS, { ...event, id: "mine", isIdempotent: true })).resolves.toEqual(
    expect.objectContaining({ code: "idempotency_unavailable" }),
  );
  await expect(failing(new TypeError("a bug")).publish(ADDRESS, event)).rejects.toThrow("a bug");
});

it("EventPublisher › an id or an exclusion over its bound is a bug of the caller, and nothing is published", async () => {
  const { publisher, envelopes } = await createPublisher();
  await expect(publisher.publish(ADDRESS, { ...event, id: "x".repeat(129) })).rejects.toThrow(RangeError);
  await expect(publisher.publish(ADDRESS, { ...event, exclude: "x".repeat(65) })).rejects.toThrow(RangeError);
  expect(envelopes()).toEqual([]);
});

it("EventPublisher › a channel with history: kept and delivered in one act, with its position, repeats by id told", async () => {
  const clock = new FakeClock(START_MS);
  const backbone = new MemoryBackbone({ clock });
  const ids = { nodeNumber: 1, random: Math.random, messageId: () => "made" };
  const history = new MemoryHistory({ backbone, clock, ids });
  const bus = new MemoryBus(backbone);
  const rules: ChannelRules = {
    ruleOf: (_appId, channel) => ({
      history: channel === "a" ? { messages: 10, maxAgeMs: 1000 } : null,
      isCache: false,
      presenceListUpTo: 1000,
    }),
  };
  const counters = createNodeCounters();
  const publisher = new EventPublisher({ bus, history, rules, clock, ids, counters });
  const receiver = new RecordingReceiver("1", "a");
  await bus.subscribe(receiver);
  const first = await publisher.publish(ADDRESS, { ...event, id: "mine" });
  const repeat = await publisher.publish(ADDRESS, { ...event, id: "mine" });
  const elsewhere = await publisher.publish({ ...ADDRESS, channel: "b" }, { ...event, id: "mine" });
  const position = { epoch: expect.any(String), offset: 1 };
  expect([first, repeat, elsewhere].map((each) => each.ok && [each.value.isDuplicate, each.value.position])).toEqual([
    [false, position],
    [true, position],
    [false, null],
  ]);
  expect(receiver.envelopes).toHaveLength(1);

  history.append = () => Promise.reject(new HistoryUnavailableError("the store is away"));
  expect(await publisher.publish(ADDRESS, event)).toMatchObject({ ok: false, code: "history_unavailable" });
  expect(await publisher.publish({ ...ADDRESS, channel: "b" }, event)).toMatchObject({ ok: true });
  expect(counters).toMatchObject({ eventsPublished: 3, duplicatePublishes: 1, publishesUnavailable: 1 });
});

const TRACE: TraceContext = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true, state: "" };

/** A publisher that traces what comes with a trace, and what became of its spans. */
async function createTracedPublisher() {
  const clock = new FakeClock(START_MS);
  const bus = new GatedBus(new MemoryBus(new MemoryBackbone({ clock })));
  const receiver = new RecordingReceiver("1", "a");
  await bus.subscribe(receiver);
  const outcomes: PublishOutcome[] = [];
  const publishTracer: PublishTracer = {
    beginPublish: (_address, parent) =>
      parent === undefined
        ? null
        : { context: { ...parent, spanId: "c".repeat(16) }, end: (outcome) => void outcomes.push(outcome) },
  };
  const ids = { nodeNumber: 1, random: () => 0, messageId: () => "made" };
  const publisher = new EventPublisher({ bus, clock, ids, counters: createNodeCounters(), publishTracer });
  return { bus, receiver, outcomes, publisher };
}

it("EventPublisher › the span's context goes along with the event, not its caller's; and only where there is a span", async () => {
  const { publisher, receiver, outcomes } = await createTracedPublisher();
  await publisher.publish(ADDRESS, { ...event, trace: TRACE });
  await publisher.publish(ADDRESS, event);
  expect(receiver.traces).toEqual([{ ...TRACE, spanId: "c".repeat(16) }, undefined]);
  expect(outcomes).toEqual([expect.objectContaining({ messageId: "made", isDuplicate: false })]);
});

it("EventPublisher › a span ends once, whatever becomes of its publish", async () => {
  const { publisher, bus, outcomes } = await createTracedPublisher();
  bus.isAway = true;
  await publisher.publish(ADDRESS, { ...event, trace: TRACE });
  bus.publish = () => Promise.reject(new Error("a bug"));
  await expect(publisher.publish(ADDRESS, { ...event, trace: TRACE })).rejects.toThrow("a bug");
  expect(outcomes).toEqual([{ error: "bus_unavailable" }, { error: "internal_error" }]);
});
