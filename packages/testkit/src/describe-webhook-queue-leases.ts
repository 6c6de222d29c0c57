import { expect, it } from "vitest";
import {
  entryOf,
  idsOf,
  LONG_MS,
  laneFor,
  SHORT_MS,
  take,
  type WebhookQueueSuite,
} from "./describe-webhook-queue-suite.ts";
import { eventually } from "./eventually.ts";

const ALL = { entries: 1000, bytes: 1_000_000 };

/** How work is handed out. */
export function describeLeases(suite: WebhookQueueSuite): void {
  it("next › hands out what was queued, one at a time and in its order, whoever queued it and whoever takes it", async () => {
    const [near, far] = [await suite.queue(), await suite.queue()];
    const app = suite.app();
    await near.enqueue([entryOf(app, "1"), entryOf(app, "2")]);
    await far.enqueue([entryOf(app, "3")]);
    const consumers = [suite.consume(near, laneFor(app)), suite.consume(far, laneFor(app))];
    for (const [index, id] of ["1", "2", "3"].entries()) {
      const lease = await take(consumers[index % 2] as (typeof consumers)[0]);
      expect(lease.entries).toEqual([entryOf(app, id)]);
      expect(lease.attempt).toBe(1);
      expect(lease.isHeld).toBe(true);
      await lease.ack();
    }
    await expect(consumers[0]?.next(SHORT_MS)).resolves.toBeNull();
  });

  it("next › waits for what is queued later", async () => {
    const queue = await suite.queue();
    const app = suite.app();
    const waiting = take(suite.consume(queue, laneFor(app)));
    await queue.enqueue([entryOf(app, "late")]);
    expect(idsOf(await waiting)).toEqual(["late"]);
  });

  it("next › a lane belongs to one worker at a time; other lanes and endpoints go on", async () => {
    const [near, far] = [await suite.queue(), await suite.queue()];
    const app = suite.app();
    const elsewhere = { endpointId: "f" };
    await near.enqueue([entryOf(app, "1"), entryOf(app, "2"), entryOf(app, "1", elsewhere)]);
    const held = await take(suite.consume(near, laneFor(app)));
    const other = suite.consume(far, laneFor(app));
    await expect(other.next(SHORT_MS)).resolves.toBeNull();
    const onOther = await take(suite.consume(far, laneFor(app, elsewhere)));
    expect(idsOf(onOther)).toEqual(["1"]);
    await onOther.ack();
    const next = take(other);
    await held.ack();
    expect(idsOf(await next)).toEqual(["2"]);
  });

  it("enqueue › an id is kept once for each endpoint, and the same call may be made again", async () => {
    const queue = await suite.queue();
    const app = suite.app();
    const entries = [entryOf(app, "1"), entryOf(app, "2"), entryOf(app, "1", { endpointId: "f" })];
    await queue.enqueue(entries);
    await queue.enqueue(entries);
    await (await suite.queue()).enqueue(entries);
    const lease = await take(suite.consume(queue, laneFor(app)));
    await eventually(async () => {
      await lease.fill(ALL);
      expect(idsOf(lease)).toEqual(["1", "2"]);
    });
    await lease.ack();
    await (await take(suite.consume(queue, laneFor(app, { endpointId: "f" })))).ack();
    await expect(suite.consume(queue, laneFor(app)).next(SHORT_MS)).resolves.toBeNull();
  });

  it("fill › takes what stands behind, within its limits, and ack removes exactly that", async () => {
    const queue = await suite.queue();
    const app = suite.app();
    const ids = ["1", "2", "3", "4", "5", "6", "7"];
    await queue.enqueue(ids.map((id) => entryOf(app, id)));
    const consumer = suite.consume(queue, laneFor(app));
    const first = await take(consumer);
    await eventually(async () => {
      await first.fill({ entries: 3, bytes: 1_000_000 });
      expect(idsOf(first)).toEqual(["1", "2", "3"]);
    });
    await first.ack();
    const second = await take(consumer);
    await second.fill({ entries: 1000, bytes: 1 });
    expect(idsOf(second)).toEqual(["4"]);
    await second.fill({ entries: 1, bytes: 1_000_000 });
    expect(idsOf(second)).toEqual(["4"]);
    await second.ack();
    const third = await take(consumer);
    await eventually(async () => {
      await third.fill(ALL);
      expect(idsOf(third)).toEqual(["5", "6", "7"]);
    });
    // Something comes meanwhile.
    await queue.enqueue([entryOf(app, "8")]);
    await third.ack();
    expect(idsOf(await take(consumer))).toEqual(["8"]);
  });

  it("nak › the first comes again after the delay, and nothing of its lane before it", async () => {
    const queue = await suite.queue();
    const app = suite.app();
    await queue.enqueue([entryOf(app, "1"), entryOf(app, "2")]);
    const consumer = suite.consume(queue, laneFor(app));
    const first = await take(consumer);
    await first.fill(ALL);
    const startMs = performance.now();
    await first.nak(400);
    await expect(consumer.next(100)).resolves.toBeNull();
    const again = await take(consumer);
    expect(performance.now() - startMs).toBeGreaterThan(390);
    expect([idsOf(again), again.attempt]).toEqual([["1"], 2]);
    await again.nak(0);
    const third = await take(consumer);
    expect([idsOf(third), third.attempt]).toEqual([["1"], 3]);
    await third.ack();
    const next = await take(consumer);
    expect([idsOf(next), next.attempt]).toEqual([["2"], 1]);
    await next.ack();
  });

  it("lease › runs out with a worker that is gone; what it held comes to another one, with the same id", async () => {
    const [near, far] = [await suite.queue(), await suite.queue()];
    const app = suite.app();
    await near.enqueue([entryOf(app, "1"), entryOf(app, "2")]);
    const lost = await take(suite.consume(near, laneFor(app)));
    await lost.fill(ALL);
    const again = await take(suite.consume(far, laneFor(app)));
    expect(lost.isHeld).toBe(false);
    expect([idsOf(again), again.attempt]).toEqual([["1"], 2]);
    await again.ack();
    expect(idsOf(await take(suite.consume(far, laneFor(app))))).toEqual(["2"]);
  });

  it("lease › lasts as long as it is extended", async () => {
    const queue = await suite.queue();
    const app = suite.app();
    await queue.enqueue([entryOf(app, "1")]);
    const lease = await take(suite.consume(queue, laneFor(app)));
    const beating = setInterval(() => lease.extend(), suite.harness.leaseMs / 5);
    try {
      await expect(suite.consume(queue, laneFor(app)).next(suite.harness.leaseMs * 2)).resolves.toBeNull();
      expect(lease.isHeld).toBe(true);
      await lease.ack();
    } finally {
      clearInterval(beating);
    }
    await expect(suite.consume(queue, laneFor(app)).next(SHORT_MS)).resolves.toBeNull();
  });

  it("stop › ends the wait at once, and what is queued afterwards goes to others without delay", async () => {
    const queue = await suite.queue();
    const app = suite.app();
    const stopped = queue.consume(laneFor(app));
    const waiting = stopped.next(LONG_MS);
    // Its question has reached the queue.
    await expect(suite.consume(queue, laneFor(app)).next(SHORT_MS)).resolves.toBeNull();
    stopped.stop();
    stopped.stop();
    await expect(waiting).resolves.toBeNull();
    await expect(stopped.next(LONG_MS)).resolves.toBeNull();
    await queue.enqueue([entryOf(app, "1")]);
    const startMs = performance.now();
    const lease = await take(suite.consume(queue, laneFor(app)));
    expect(idsOf(lease)).toEqual(["1"]);
    expect(performance.now() - startMs).toBeLessThan(LONG_MS / 2);
    await lease.ack();
  });

  it("stats › tell how much waits, and since when", async () => {
    const queue = await suite.queue();
    const app = suite.app();
    const before = await queue.stats();
    await queue.enqueue([entryOf(app, "1"), entryOf(app, "2")]);
    const during = await queue.stats();
    expect(during.queued).toBe(before.queued + 2);
    expect(during.oldestAtMs).toEqual(expect.any(Number));
    const lease = await take(suite.consume(queue, laneFor(app)));
    await eventually(async () => {
      await lease.fill(ALL);
      expect(lease.entries).toHaveLength(2);
    });
    await lease.ack();
    await eventually(async () => expect((await queue.stats()).queued).toBe(before.queued));
  });
}
