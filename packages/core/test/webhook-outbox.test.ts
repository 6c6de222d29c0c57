import { FakeClock } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import {
  type App,
  createSourceCounters,
  MemoryWebhookQueue,
  type WebhookEntry,
  WebhookEntryTooLargeError,
  type WebhookQueue,
} from "../src/index.ts";
import { WebhookOutbox } from "../src/webhooks/webhook-outbox.ts";
import { settle } from "./support/cluster-world.ts";
import { createApp } from "./support/test-node.ts";

const ENDPOINT = { url: "http://e/", events: ["*"], channelPrefix: "", headers: {}, allowPrivateNetwork: true };

function world(app: App, { maxWaiting = 10, maxEntries = 100 } = {}) {
  const clock = new FakeClock(1_767_225_600_000);
  const memory = new MemoryWebhookQueue({ clock, maxEntries });
  const enqueued: WebhookEntry[] = [];
  const refusals: unknown[] = [];
  const counters = createSourceCounters();
  const state = { isAway: false };
  const queue: Pick<WebhookQueue, "enqueue"> = {
    enqueue: async (entries) => {
      await settle();
      if (state.isAway) throw new Error("away");
      const tooLarge = entries.find(({ id }) => id.startsWith("large"));
      if (tooLarge !== undefined) throw new WebhookEntryTooLargeError(tooLarge, "too large");
      await memory.enqueue(entries);
      enqueued.push(...entries);
    },
  };
  const options = {
    queue,
    clock,
    random: () => 0,
    counters,
    maxWaiting,
    onRefused: (error: unknown) => refusals.push(error),
  };
  const outbox = new WebhookOutbox(options);
  const tell = (id: string, channel = "c") => outbox.tell(app, id, { name: "channel_occupied", channel });
  return { clock, outbox, tell, enqueued, refusals, counters, state };
}

const idsOf = (entries: readonly WebhookEntry[]) => entries.map(({ id }) => id);

describe("outbox", () => {
  it("queues an entry for each endpoint that wants the event, and none where nobody does", async () => {
    const webhooks = [
      { ...ENDPOINT, id: "all" },
      { ...ENDPOINT, id: "orders", channelPrefix: "orders-" },
      { ...ENDPOINT, id: "members", events: ["member_added"] },
    ];
    const { tell, enqueued, counters } = world(createApp({ webhooks }));
    tell("1", "c");
    tell("2", "orders-7");
    await settle();
    await settle();
    await settle();
    expect(enqueued.map(({ id, endpointId }) => [id, endpointId])).toEqual([
      ["1", "all"],
      ["2", "all"],
      ["2", "orders"],
    ]);
    expect([...counters.told]).toEqual([["channel_occupied", 3]]);
    const silent = world(createApp());
    silent.tell("1");
    await settle();
    expect([silent.enqueued, silent.outbox.waiting]).toEqual([[], 0]);
  });

  it("keeps what comes while the queue is away, in order and up to its bound, and says once that it is", async () => {
    const { clock, tell, enqueued, refusals, counters, state, outbox } = world(
      createApp({ webhooks: [{ ...ENDPOINT, id: "e" }] }),
    );
    state.isAway = true;
    for (let index = 0; index < 15; index++) tell(String(index));
    await settle();
    await settle();
    for (let time = 0; time < 5; time++) {
      clock.advance(10_000);
      await settle();
      await settle();
    }
    expect([outbox.waiting, counters.dropped, refusals.length]).toEqual([10, 5, 1]);
    state.isAway = false;
    clock.advance(10_000);
    for (let turn = 0; turn < 4; turn++) await settle();
    expect(idsOf(enqueued)).toEqual(Array.from({ length: 10 }, (_, index) => String(index)));
    tell("later");
    for (let turn = 0; turn < 4; turn++) await settle();
    expect(idsOf(enqueued).at(-1)).toBe("later");
    expect(clock.pendingTimers).toBe(0);
  });

  it("leaves out what is too large for the queue, counts it and says so once; the others go on in their order", async () => {
    const { clock, tell, enqueued, refusals, counters, outbox } = world(
      createApp({ webhooks: [{ ...ENDPOINT, id: "e" }] }),
    );
    for (const id of ["1", "large-1", "2", "large-2", "3"]) tell(id);
    for (let turn = 0; turn < 12; turn++) await settle();
    expect(idsOf(enqueued)).toEqual(["1", "2", "3"]);
    expect([outbox.waiting, counters.dropped, counters.tooLarge, refusals.length]).toEqual([0, 0, 2, 1]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("close waits for the queue, but not for ever, and counts what is lost", async () => {
    const app = createApp({ webhooks: [{ ...ENDPOINT, id: "e" }] });
    const good = world(app);
    good.tell("1");
    await good.outbox.close(5000);
    expect(idsOf(good.enqueued)).toEqual(["1"]);
    good.tell("2");
    expect(good.outbox.waiting).toBe(0);
    const bad = world(app);
    bad.state.isAway = true;
    bad.tell("1");
    const closed = bad.outbox.close(5000);
    await settle();
    await settle();
    bad.clock.advance(5000);
    await closed;
    expect(bad.counters.dropped).toBe(1);
    expect(bad.clock.pendingTimers).toBe(0);
  });
});
