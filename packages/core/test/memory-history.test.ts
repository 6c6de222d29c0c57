import { MemoryBackbone, MemoryBus, MemoryHistory } from "@carillon/core";
import { FakeClock } from "@carillon/testkit";
import { describeHistory } from "@carillon/testkit/contracts";
import { expect, it } from "vitest";

const ids = { random: Math.random };

describeHistory("MemoryHistory", async () => {
  const clock = new FakeClock();
  const backbone = new MemoryBackbone({ clock });
  const history = new MemoryHistory({ backbone, clock, ids });
  return {
    createNode: async () => ({ bus: new MemoryBus(backbone), history }),
    passTime: (ms) => clock.advance(ms),
    close: async () => undefined,
  };
});

const LIMITS = { messages: 100, maxAgeMs: 60_000 };
const FROM_START = { limits: LIMITS, since: null, limit: 1000, direction: "forward" } as const;

function createHistory(options: { maxBytes?: number; maxIdempotencyKeys?: number } = {}) {
  const clock = new FakeClock();
  const history = new MemoryHistory({ backbone: new MemoryBackbone({ clock }), clock, ids, ...options });
  let keys = 0;
  const append = (channel: string, bytes = 10, idempotencyKey = `key-${++keys}`) =>
    history.append({ appId: "1", channel }, new Uint8Array(bytes), { limits: LIMITS, idempotencyKey });
  const read = (channel: string, query: object = {}) =>
    history.read({ appId: "1", channel }, { ...FROM_START, ...query });
  return { clock, history, append, read };
}

it("MemoryHistory › keeps no more bytes than it may, and drops the oldest of all channels first", async () => {
  const { history, append, read } = createHistory({ maxBytes: 10_000 });
  const first = await append("old", 1000);
  for (let count = 0; count < 50; count++) await append("new", 1000);
  expect(history.bytes).toBeLessThanOrEqual(10_000);
  expect(history.bytes).toBeGreaterThan(8000);
  expect((await read("old")).publications).toEqual([]);
  expect((await read("new")).publications).toHaveLength(8);
  expect((await read("old", { since: { ...first.position, offset: 0 } })).isReachable).toBe(false);
  expect((await read("old", { since: first.position })).isReachable).toBe(true);
});

it("MemoryHistory › what has lost everything is told apart from what never had anything, also after many channels", async () => {
  const { clock, append, read } = createHistory();
  const { position } = await append("lost");
  await append("kept");
  const start = { ...position, offset: 0 };
  clock.advance(60_000);
  for (let index = 0; index < 11_000; index++) {
    await append(`other-${index}`);
    if (index % 1000 === 0) clock.advance(60_000);
  }
  clock.advance(60_000);
  for (let index = 0; index < 11_000; index++) await append(`other-${index}`);
  expect((await read("lost", { since: start })).isReachable).toBe(false);
  expect((await read("never", { since: { ...position, offset: position.offset + 30_000 } })).isReachable).toBe(false);
});

it("MemoryHistory › forgets idempotency keys beyond its bound and window", async () => {
  const { clock, append } = createHistory({ maxIdempotencyKeys: 2 });
  const isDuplicate = async (key: string) => (await append("a", 1, key)).isDuplicate;
  expect([await isDuplicate("1"), await isDuplicate("2"), await isDuplicate("1")]).toEqual([false, false, true]);
  expect([await isDuplicate("3"), await isDuplicate("1")]).toEqual([false, false]);
  clock.advance(120_000);
  expect(await isDuplicate("1")).toBe(false);
});

it("MemoryHistory › another one has another epoch", async () => {
  const epochs = await Promise.all(
    [createHistory(), createHistory()].map(async ({ append }) => (await append("a")).position.epoch),
  );
  expect(new Set(epochs).size).toBe(2);
});
