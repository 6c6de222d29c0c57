import { createHistoryCounters, HistoryReader, MemoryBackbone, MemoryHistory } from "@carillon/core";
import { FakeClock } from "@carillon/testkit";
import { describe, expect, it } from "vitest";

const ADDRESS = { appId: "1", channel: "c" };
const LIMITS = { messages: 1000, maxAgeMs: 60_000 };
const BYTES = 100;

async function filled(count: number): Promise<{ readonly reader: HistoryReader; readonly epoch: string }> {
  const clock = new FakeClock();
  const store = new MemoryHistory({ backbone: new MemoryBackbone({ clock }), clock, ids: { random: Math.random } });
  for (let index = 0; index < count; index++) {
    await store.append(ADDRESS, new Uint8Array(BYTES), { limits: LIMITS, idempotencyKey: String(index) });
  }
  const reader = new HistoryReader({ store, counters: createHistoryCounters() });
  const { head } = await reader.readNewest(ADDRESS, { limits: LIMITS, limit: 1 });
  return { reader, epoch: head.epoch };
}

describe("history reader › what is asked for has its bytes, not only its number", () => {
  it("a tail ends where the bytes do, and says that there is more", async () => {
    const { reader, epoch } = await filled(100);
    const since = { epoch, offset: 0 };
    const whole = await reader.readTail(ADDRESS, { limits: LIMITS, since, most: 1000, maxBytes: 100 * BYTES });
    expect([whole.publications.length, whole.hasMore, whole.isReachable]).toEqual([100, false, true]);
    const cut = await reader.readTail(ADDRESS, { limits: LIMITS, since, most: 1000, maxBytes: 98.5 * BYTES });
    expect([cut.publications.length, cut.hasMore, cut.isReachable]).toEqual([99, true, true]);
    const little = await reader.readTail(ADDRESS, { limits: LIMITS, since, most: 1000, maxBytes: 10 * BYTES });
    expect([little.publications.length, little.hasMore]).toEqual([10, true]);
  });

  it("of the newest come as many as have the bytes, oldest first, and one at least", async () => {
    const { reader } = await filled(100);
    const some = await reader.readNewest(ADDRESS, { limits: LIMITS, limit: 50, maxBytes: 10 * BYTES });
    expect(some.publications.map(({ offset }) => offset)).toEqual([91, 92, 93, 94, 95, 96, 97, 98, 99, 100]);
    const one = await reader.readNewest(ADDRESS, { limits: LIMITS, limit: 50, maxBytes: 1 });
    expect(one.publications.map(({ offset }) => offset)).toEqual([100]);
  });
});
