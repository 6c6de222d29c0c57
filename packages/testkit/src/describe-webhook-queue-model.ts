import { WEBHOOK_LANES, type WebhookConsumer, webhookLaneOf } from "@carillon/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { entryOf, LONG_MS, type WebhookQueueSuite } from "./describe-webhook-queue-suite.ts";
import { eventually } from "./eventually.ts";

const CHANNELS = ["a", "b", "c", "d", "e", "f"];

/** What a worker may do with what it has taken. `lose`: it says nothing more, as if it had died. */
type Deed = "ack" | "nak" | "lose" | "fill";

/** Any number of workers with any luck. */
export function describeWebhookWork(suite: WebhookQueueSuite): void {
  it("law › whatever becomes of workers, every event is delivered, first deliveries of a channel in its order", async () => {
    const scenario = fc.record({
      entries: fc.array(fc.constantFrom(...CHANNELS), { minLength: 1, maxLength: 25 }),
      deeds: fc.array(fc.constantFrom<Deed>("ack", "fill", "nak", "lose"), { minLength: 1, maxLength: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ entries, deeds }) => {
        const app = suite.app();
        const queues = [await suite.queue(), await suite.queue()];
        const delivered: string[] = [];
        const consumers: WebhookConsumer[] = [];
        const luck = deeds[Symbol.iterator]();
        const working = Array.from({ length: WEBHOOK_LANES }, (_, lane) => lane).flatMap((lane) =>
          queues.map((queue) => {
            const consumer = suite.consume(queue, { appId: app, endpointId: "e", lane });
            consumers.push(consumer);
            return work(consumer, { luck, delivered });
          }),
        );
        const all = entries.map((channel, index) => entryOf(app, `${channel}:${index}`, { channel }));
        await queues[0]?.enqueue(all);
        await eventually(() => expect(new Set(delivered).size).toBe(all.length), { timeoutMs: 30_000 });
        for (const consumer of consumers) consumer.stop();
        await Promise.all(working);
        for (const channel of CHANNELS) {
          const first = [...new Set(delivered)].filter((id) => id.startsWith(`${channel}:`));
          const wanted = all.filter(({ event }) => event.channel === channel).map(({ id }) => id);
          expect(first).toEqual(wanted);
        }
      }),
      { numRuns: 6 },
    );
  }, 120_000);

  it("lanes › spread channels, and every version agrees where they are", () => {
    expect(["a", "orders-1", "private-é", "x".repeat(200)].map(webhookLaneOf)).toEqual([0, 1, 3, 0]);
    const lanes = Array.from({ length: 1000 }, (_, index) => webhookLaneOf(`orders-${index}`));
    for (let lane = 0; lane < WEBHOOK_LANES; lane++) {
      expect(lanes.filter((each) => each === lane).length).toBeGreaterThan(1000 / WEBHOOK_LANES / 2);
    }
  });
}

/** Takes work until it is stopped, and does with each lease what its luck says; everything well once that has run out. */
async function work(
  consumer: WebhookConsumer,
  { luck, delivered }: { readonly luck: Iterator<Deed>; readonly delivered: string[] },
): Promise<void> {
  for (;;) {
    const lease = await consumer.next(LONG_MS);
    if (lease === null) return;
    const deed: Deed = luck.next().value ?? "ack";
    if (deed === "fill") await lease.fill({ entries: 5, bytes: 10_000 });
    // What the endpoint has got, even if nobody can say so any more.
    if (lease.isHeld && deed !== "nak") delivered.push(...lease.entries.map(({ id }) => id));
    if (deed === "nak") await lease.nak(5);
    else if (deed !== "lose") await lease.ack();
  }
}
