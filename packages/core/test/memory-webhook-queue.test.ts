import { describeWebhookQueue, entryOf, laneFor } from "@carillon/testkit/contracts";
import { expect, it } from "vitest";
import { MemoryWebhookQueue } from "../src/index.ts";
import { realClock } from "./support/real-clock.ts";

describeWebhookQueue("MemoryWebhookQueue", async () => {
  const leaseMs = 400;
  const queue = new MemoryWebhookQueue({ clock: realClock, leaseMs });
  return { leaseMs, createQueue: async () => queue, close: async () => queue.close() };
});

it("MemoryWebhookQueue › refuses more than it may hold, and keeps the newest dead letters", async () => {
  const queue = new MemoryWebhookQueue({ clock: realClock, maxEntries: 2, maxDead: 1 });
  await queue.enqueue([entryOf("app", "1"), entryOf("app", "2")]);
  await expect(queue.enqueue([entryOf("app", "3")])).rejects.toThrow("2 webhook events wait");
  const consumer = queue.consume(laneFor("app"));
  for (const _ of ["1", "2"]) await (await consumer.next(1000))?.bury("expired");
  expect((await queue.dead({ after: 0, limit: 10 })).map(({ entry }) => entry.id)).toEqual(["2"]);
  const waiting = consumer.next(1000);
  queue.close();
  await expect(waiting).resolves.toBeNull();
  await expect(queue.enqueue([entryOf("app", "3")])).rejects.toThrow("closed");
});
