import { type Clock, MemoryBackbone, MemoryBus } from "@carillon/core";
import { describeBus } from "../src/contracts.ts";
import { FakeClock } from "../src/index.ts";

describeBus("MemoryBus", async () => {
  const clock: Clock = new FakeClock();
  const backbone = new MemoryBackbone({ clock });
  return { createNode: async () => new MemoryBus(backbone), close: async () => undefined };
});
