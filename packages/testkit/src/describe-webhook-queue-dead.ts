import type { DeadLetter, WebhookQueue } from "@carillon/core";
import { expect, it } from "vitest";
import { entryOf, idsOf, laneFor, SHORT_MS, take, type WebhookQueueSuite } from "./describe-webhook-queue-suite.ts";
import { eventually } from "./eventually.ts";

/** What becomes of events that are given up. */
export function describeDeadLetters(suite: WebhookQueueSuite): void {
  async function buried(queue: WebhookQueue, app: string, ids: readonly string[]): Promise<DeadLetter[]> {
    await queue.enqueue(ids.map((id) => entryOf(app, id)));
    const consumer = suite.consume(queue, laneFor(app));
    for (const _ of ids) await (await take(consumer)).bury("expired");
    return eventually(async () => {
      const letters = await queue.dead({ appId: app, after: 0, limit: 100 });
      expect(letters).toHaveLength(ids.length);
      return [...letters];
    });
  }

  it("bury › makes dead letters, in order, with what is known; the lane goes on", async () => {
    const queue = await suite.queue();
    const app = suite.app();
    await queue.enqueue([entryOf(app, "1"), entryOf(app, "2")]);
    const consumer = suite.consume(queue, laneFor(app));
    await (await take(consumer)).nak(0);
    await (await take(consumer)).bury("endpoint_removed");
    const second = await take(consumer);
    expect(idsOf(second)).toEqual(["2"]);
    await second.bury("expired");
    await expect(consumer.next(SHORT_MS)).resolves.toBeNull();
    const letters = await eventually(async () => {
      const found = await (await suite.queue()).dead({ appId: app, after: 0, limit: 100 });
      expect(found).toHaveLength(2);
      return found;
    });
    expect(letters).toMatchObject([
      { entry: entryOf(app, "1"), reason: "endpoint_removed", attempts: 2 },
      { entry: entryOf(app, "2"), reason: "expired", attempts: 1 },
    ]);
    expect(letters[0]?.deadAtMs).toBeGreaterThan(1_700_000_000_000);
    expect((await queue.stats()).dead).toBeGreaterThanOrEqual(2);
  });

  it("dead › reads in parts, of one app or of all", async () => {
    const queue = await suite.queue();
    const [app, other] = [suite.app(), suite.app()];
    const letters = await buried(queue, app, ["1", "2", "3"]);
    await buried(queue, other, ["x"]);
    const first = await queue.dead({ appId: app, after: 0, limit: 2 });
    expect(first.map(({ entry }) => entry.id)).toEqual(["1", "2"]);
    const rest = await queue.dead({ appId: app, after: first[1]?.number ?? 0, limit: 2 });
    expect(rest.map(({ entry }) => entry.id)).toEqual(["3"]);
    const all = await queue.dead({ after: (letters[2]?.number ?? 0) - 1, limit: 100 });
    expect(all.map(({ entry }) => entry.id)).toEqual(["3", "x"]);
  });

  it("revive › queues the event again under its id, once, and removes the letter", async () => {
    const queue = await suite.queue();
    const app = suite.app();
    const [letter] = await buried(queue, app, ["1"]);
    const nowMs = 1_800_000_000_000;
    await expect(queue.revive(letter as DeadLetter, nowMs)).resolves.toBe(true);
    await expect(queue.revive(letter as DeadLetter, nowMs)).resolves.toBe(false);
    const consumer = suite.consume(queue, laneFor(app));
    const lease = await take(consumer);
    expect(lease.entries).toEqual([{ ...entryOf(app, "1"), queuedAtMs: nowMs }]);
    expect(lease.attempt).toBe(1);
    await eventually(async () => expect(await queue.dead({ appId: app, after: 0, limit: 100 })).toEqual([]));
    // It may die and come back once more.
    await lease.bury("expired");
    const again = await eventually(async () => {
      const [found] = await queue.dead({ appId: app, after: 0, limit: 100 });
      expect(found).toBeDefined();
      return found as DeadLetter;
    });
    expect(again.number).toBeGreaterThan((letter as DeadLetter).number);
    await expect(queue.revive(again, nowMs)).resolves.toBe(true);
    await (await take(consumer)).ack();
    await expect(consumer.next(SHORT_MS)).resolves.toBeNull();
  });
}
