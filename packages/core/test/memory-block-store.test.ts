import { BlockStoreFullError, MemoryBlockStore } from "@carillon/core";
import { FakeClock } from "@carillon/testkit";
import { describeBlockStore } from "@carillon/testkit/contracts";
import { expect, it } from "vitest";

const START_MS = 1_767_225_600_000;

describeBlockStore("MemoryBlockStore", async () => {
  const clock = new FakeClock(START_MS);
  const store = new MemoryBlockStore({ clock });
  return {
    createNode: async () => ({ store, close: async () => undefined }),
    now: () => clock.now(),
    passTime: (ms) => clock.advance(ms),
    close: async () => undefined,
  };
});

it("MemoryBlockStore › takes no more than it may, and again when one has expired; a repeat always finds room", async () => {
  const clock = new FakeClock(START_MS);
  const store = new MemoryBlockStore({ clock, maxBlocks: 2 });
  const put = (id: string, ms: number) =>
    store.put({ appId: "1", kind: "user", id, reason: null, expiresAtMs: clock.now() + ms });
  await put("a", 1000);
  await put("b", 60_000);
  await expect(put("c", 1000)).rejects.toThrow(BlockStoreFullError);
  await put("b", 30_000);
  clock.advance(1000);
  await put("c", 1000);
  expect(store.size).toBe(2);
});
