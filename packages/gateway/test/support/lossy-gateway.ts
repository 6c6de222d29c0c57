import { type BusStatus, MemoryBackbone, MemoryBus, MemoryHistory, type StreamStamp } from "@carillon/core";
import { systemClock } from "@carillon/service";
import { historyRules, TestGateway } from "@carillon/testkit/gateway";

/** A gateway on a bus that loses deliveries while it is told to, and a store that can be wiped. */
export async function startLossy(messages: number) {
  const backbone = new MemoryBackbone({ clock: systemClock });
  const create = () => new MemoryHistory({ backbone, clock: systemClock, ids: { random: Math.random } });
  let store = create();
  const listeners = new Set<(status: BusStatus) => void>();
  const state = { isLosing: false };
  class LossyBus extends MemoryBus {
    override subscribe(receiver: Parameters<MemoryBus["subscribe"]>[0]): Promise<void> {
      const { appId, channel } = receiver;
      const receive = (envelope: Uint8Array, stamp?: StreamStamp) => {
        if (!state.isLosing) receiver.receive(envelope, stamp);
      };
      return super.subscribe({ appId, channel, receive });
    }
    override onStatus(listener: (status: BusStatus) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    }
  }
  const bus = new LossyBus(backbone);
  const history = {
    isAvailable: true,
    append: (...args: Parameters<MemoryHistory["append"]>) => store.append(...args),
    read: (...args: Parameters<MemoryHistory["read"]>) => store.read(...args),
    heads: (...args: Parameters<MemoryHistory["heads"]>) => store.heads(...args),
    trim: (...args: Parameters<MemoryHistory["trim"]>) => store.trim(...args),
  };
  const gateway = await TestGateway.start({ bus, history, rules: historyRules("kept", { messages }) });
  return {
    gateway,
    set isLosing(isLosing: boolean) {
      state.isLosing = isLosing;
    },
    reconnect: () => {
      for (const listener of listeners) listener("connected");
    },
    wipe: () => {
      store = create();
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await bus.close();
    },
  };
}
