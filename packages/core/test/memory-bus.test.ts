import { MemoryBackbone, MemoryBus } from "@carillon/core";
import { FakeClock } from "@carillon/testkit";
import { describeBus, RecordingReceiver } from "@carillon/testkit/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

describeBus("MemoryBus", async () => {
  const backbone = new MemoryBackbone({ clock: new FakeClock() });
  return { createNode: async () => new MemoryBus(backbone), close: async () => undefined };
});

const ADDRESS = { appId: "1", channel: "a" };
const BYTES = new Uint8Array([1]);

function createBus(options: { idempotencyWindowMs?: number; maxIdempotencyKeys?: number } = {}) {
  const clock = new FakeClock();
  const bus = new MemoryBus(new MemoryBackbone({ clock, ...options }));
  const isDuplicate = async (idempotencyKey: string) =>
    (await bus.publish(ADDRESS, BYTES, { idempotencyKey })).isDuplicate;
  return { clock, bus, isDuplicate };
}

describe("MemoryBackbone › idempotency", () => {
  it("a key is remembered for the window, counted from its first use", async () => {
    const { clock, isDuplicate } = createBus({ idempotencyWindowMs: 1000 });
    expect(await isDuplicate("k")).toBe(false);
    clock.advance(600);
    expect(await isDuplicate("k")).toBe(true);
    clock.advance(399);
    expect(await isDuplicate("k")).toBe(true);
    clock.advance(1);
    expect(await isDuplicate("k")).toBe(false);
  });

  it("the window is two minutes unless told otherwise", async () => {
    const { clock, isDuplicate } = createBus();
    await isDuplicate("k");
    clock.advance(119_999);
    expect(await isDuplicate("k")).toBe(true);
    clock.advance(1);
    expect(await isDuplicate("k")).toBe(false);
  });

  it("behaves like a list of keys that expire and of which the oldest give way", async () => {
    const step = fc.record({ key: fc.nat({ max: 6 }).map(String), pauseMs: fc.nat({ max: 600 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (steps, maxIdempotencyKeys) => {
          const { clock, isDuplicate } = createBus({ idempotencyWindowMs: 1000, maxIdempotencyKeys });
          let remembered: { readonly key: string; readonly untilMs: number }[] = [];
          for (const { key, pauseMs } of steps) {
            clock.advance(pauseMs);
            remembered = remembered.filter(({ untilMs }) => untilMs > clock.monotonic());
            const isKnown = remembered.some((each) => each.key === key);
            expect(await isDuplicate(key)).toBe(isKnown);
            if (!isKnown)
              remembered = [...remembered, { key, untilMs: clock.monotonic() + 1000 }].slice(-maxIdempotencyKeys);
          }
        },
      ),
    );
  });

  it("a full memory doesn't forget the very key that is asked for", async () => {
    const { isDuplicate } = createBus({ maxIdempotencyKeys: 1 });
    await isDuplicate("k");
    expect([await isDuplicate("k"), await isDuplicate("k")]).toEqual([true, true]);
  });

  it("a publish on a closed bus uses no key up", async () => {
    const clock = new FakeClock();
    const backbone = new MemoryBackbone({ clock });
    const [closed, open] = [new MemoryBus(backbone), new MemoryBus(backbone)];
    await closed.close();
    await expect(closed.publish(ADDRESS, BYTES, { idempotencyKey: "k" })).rejects.toThrow("closed");
    await expect(open.publish(ADDRESS, BYTES, { idempotencyKey: "k" })).resolves.toEqual({ isDuplicate: false });
  });
});

it("MemoryBus › leaves nothing in the backbone when it closes or everybody leaves", async () => {
  const { bus } = createBus();
  const receivers = Array.from({ length: 100 }, (_, index) => new RecordingReceiver("1", `c${index % 10}`));
  for (const receiver of receivers) await bus.subscribe(receiver);
  for (const receiver of receivers.slice(0, 50)) bus.unsubscribe(receiver);
  await bus.close();
  for (const receiver of receivers) expect(receiver.envelopes).toEqual([]);
});
