import {
  AppCounts,
  DeliveryLag,
  DurationBuckets,
  EventPublisher,
  Hub,
  MemoryBackbone,
  MemoryBus,
} from "@carillon/core";
import { encodeEnvelope } from "@carillon/protocol";
import { FakeClock } from "@carillon/testkit";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createApp, START_MS, TestNode } from "./support/test-node.ts";

const payload = new TextEncoder().encode("1");
const filled = ({ boundsSeconds, counts }: DurationBuckets) =>
  counts.flatMap((count, at) => (count === 0 ? [] : [[boundsSeconds[at] ?? Number.POSITIVE_INFINITY, count]]));

it("DurationBuckets › each duration falls into exactly one bucket, whose bound isn't below it, and none is lost", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -10, max: 20_000, noNaN: true })), (durations) => {
      const bounds = [0.001, 0.01, 1, 10];
      const buckets = new DurationBuckets(bounds);
      for (const each of durations) buckets.note(each);
      const upTo = (bound: number) => durations.filter((each) => each <= bound * 1000).length;
      let cumulated = 0;
      for (const [at, bound] of bounds.entries()) {
        cumulated += buckets.counts[at] ?? 0;
        expect(cumulated).toBe(upTo(bound));
      }
      expect(cumulated + (buckets.counts.at(-1) ?? 0)).toBe(durations.length);
      const sum = durations.reduce((total, each) => total + Math.max(each, 0), 0) / 1000;
      expect(buckets.sumSeconds).toBeCloseTo(sum, 6);
    }),
  );
});

it("DeliveryLag › a publish is measured until the bus has it", async () => {
  const clock = new FakeClock(START_MS);
  const lag = new DeliveryLag(clock);
  const test = new TestNode();
  const bus = new MemoryBus(new MemoryBackbone({ clock }));
  const appCounts = new AppCounts();
  const slow = {
    publish: async (...args: Parameters<typeof bus.publish>) => {
      clock.advance(40);
      return await bus.publish(...args);
    },
  };
  const events = new EventPublisher({
    bus: Object.assign(Object.create(bus), slow),
    clock,
    ids: { nodeNumber: 1, random: () => 0, messageId: () => "m" },
    counters: test.counters,
    lag,
    appCounts,
  });
  await events.publish({ appId: "1001", channel: "a" }, { event: "e", payload, exclude: "" });
  expect([filled(lag.acknowledged), lag.acknowledged.sumSeconds]).toEqual([[[0.05, 1]], 0.04]);
  expect(appCounts.byApp).toEqual(new Map([["1001", { eventsPublished: 1, deliveries: 0 }]]));
});

it("DeliveryLag › a publication counts once, whatever the number of its subscribers; one without any doesn't", async () => {
  const test = new TestNode();
  const clock = new FakeClock(START_MS);
  const lag = new DeliveryLag(clock);
  const appCounts = new AppCounts();
  const hub = new Hub({
    topics: test.topics,
    codecs: [test.codec, test.otherCodec],
    connections: test.services.connections,
    counters: test.counters,
    clock,
    coalesceMs: 0,
    lag,
    appCounts,
  });
  const channel = test.services.channels.acquire("1001", "a");
  const envelope = (timeMs: number) => encodeEnvelope({ id: "m", timeMs, exclude: "", event: "e", payload });
  hub.deliver(channel, envelope(START_MS));
  expect([filled(lag.delivered), appCounts.byApp.size]).toEqual([[], 0]);
  for (const codec of [test.codec, test.codec, test.otherCodec]) {
    hub.join(test.connect(createApp(), codec).session, channel);
  }
  hub.deliver(channel, envelope(START_MS - 7));
  hub.deliver(channel, envelope(START_MS - 1500));
  expect(filled(lag.delivered)).toEqual([
    [0.01, 1],
    [2.5, 1],
  ]);
  expect(appCounts.of("1001").deliveries).toBe(6);
  const timed = () => lag.fannedOut.counts.reduce((sum, count) => sum + count, 0);
  // The one without subscribers would have been timed, had it gone to anybody; the next is the ninth.
  expect(timed()).toBe(0);
  for (let count = 0; count < 6; count++) hub.deliver(channel, envelope(START_MS));
  expect(timed()).toBe(1);
  // Eight publications to three, in frames such as "plain a e 1".
  expect(test.counters.bytesOut).toBe(24 * 11);
});

it("DeliveryLag › a clock behind the publisher's makes 0 and nothing below, and bytes that are no envelope count nothing", () => {
  const lag = new DeliveryLag(new FakeClock(START_MS));
  const envelope = encodeEnvelope({ id: "m", timeMs: START_MS + 900, exclude: "", event: "e", payload });
  lag.noteReceived(envelope);
  lag.noteReceived(new Uint8Array(4));
  expect([filled(lag.received), lag.received.sumSeconds]).toEqual([[[0.001, 1]], 0]);
});
