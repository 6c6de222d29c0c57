import type {
  ChannelAddress,
  ChannelRule,
  HistoryStore,
  MemoryBackbone,
  MemoryHistory,
  Position,
} from "@carillon/core";
import { assertDone, type Benchmark, type Work } from "../benchmark.ts";
import { type MemoryGateway, startMemoryGateway } from "../memory-gateway.ts";
import type { Packages } from "../packages.ts";
import { NATIVE, Player } from "../player.ts";
import { ENVELOPES } from "./orders.ts";

const LIMITS = { messages: 500, maxAgeMs: 3_600_000 };
const RULE: ChannelRule = { history: LIMITS, isCache: false, presenceListUpTo: 1000 };

/** Events that a client comes back without. */
const MISSED = 100;

/** Channels that are caught up with at once where the store is read. */
const CHANNELS = 8;
/** Events that arrive on each while its history is being read. */
const LIVE = 5;

/** What it costs to bring a client that comes back with a position what it has missed, and to keep what it may miss. */
export const RECOVERY: readonly Benchmark[] = [
  { name: "recovery/100 events, from the log", prepare: (packages) => prepareFromLog(packages) },
  { name: "recovery/100 events, read and merged", prepare: (packages) => prepareMerged(packages) },
  { name: "recovery/live event of a history", prepare: (packages) => prepareLive(packages) },
];

interface KeepingGateway extends MemoryGateway {
  readonly history: MemoryHistory;
  /** Called in the midst of each read of the store. */
  onRead: (address: ChannelAddress) => void;
  /** Encoded. */
  readonly envelopes: readonly Uint8Array[];
  readonly positionText: (position: Position) => string;
}

async function startKeeping(packages: Packages): Promise<KeepingGateway> {
  const { MemoryHistory: Store, formatPosition } = await packages.core();
  const { encodeEnvelope } = await packages.protocol();
  const { systemClock: clock } = await packages.service();
  const timeMs = clock.now();
  const envelopes = ENVELOPES.map((envelope) => encodeEnvelope({ ...envelope, exclude: "", timeMs }).slice());
  const stores: MemoryHistory[] = [];
  const gateway = await startMemoryGateway(packages, (backbone: MemoryBackbone) => {
    const history = new Store({ backbone, clock, ids: { random: () => Math.random() } });
    stores.push(history);
    return { history: observed(history, (address) => keeping.onRead(address)), rules: { ruleOf: () => RULE } };
  });
  const keeping: KeepingGateway = {
    ...gateway,
    history: stores[0] as MemoryHistory,
    onRead: () => undefined,
    envelopes,
    positionText: formatPosition,
  };
  return keeping;
}

/** The same store; what is read of it was so before `onRead` was called. */
function observed(store: HistoryStore, onRead: (address: ChannelAddress) => void): HistoryStore {
  return {
    isAvailable: true,
    append: (address, envelope, options) => store.append(address, envelope, options),
    heads: (addresses) => store.heads(addresses),
    trim: (appId, maxBytes) => store.trim(appId, maxBytes),
    read: async (address, query) => {
      const page = await store.read(address, query);
      onRead(address);
      return page;
    },
  };
}

/** Publishes on a channel; returns where it stood before the last `MISSED`, and where it stands. */
async function fill({ app, history, envelopes }: KeepingGateway, channel: string) {
  const positions: Position[] = [];
  for (let count = 0; count <= MISSED; count++) {
    const envelope = envelopes[count % envelopes.length] as Uint8Array;
    const idempotencyKey = `${channel}-${count}`;
    const { position } = await history.append({ appId: app.id, channel }, envelope, { limits: LIMITS, idempotencyKey });
    positions.push(position);
  }
  return { since: positions[0] as Position, last: (positions.at(-1) as Position).offset };
}

/** The gateway has all of it at hand: for the thousands that come back at once. */
async function prepareFromLog(packages: Packages): Promise<Work> {
  const gateway = await startKeeping(packages);
  const [stays, comes] = [new Player(gateway.server, NATIVE), new Player(gateway.server, NATIVE)];
  stays.subscribe("orders");
  await stays.answered(1);
  const { since } = await fill(gateway, "orders");
  const coming = comes.subscribeFrame("orders", { recover: gateway.positionText(since) });
  const going = comes.unsubscribeFrame("orders");
  return {
    run(times) {
      const before = comes.frames;
      for (let turn = 0; turn < times; turn++) {
        comes.send(coming);
        comes.send(going);
      }
      assertDone(comes.frames - before, times * (MISSED + 2), "frames");
    },
  };
}

/** Nobody has had the channel: its history is read, and what arrives meanwhile goes behind it. */
async function prepareMerged(packages: Packages): Promise<Work> {
  const gateway = await startKeeping(packages);
  const { app, backbone, envelopes } = gateway;
  const player = new Player(gateway.server, NATIVE);
  const lasts = new Map<string, number>();
  const channels: { readonly coming: Uint8Array; readonly going: Uint8Array }[] = [];
  for (let index = 0; index < CHANNELS; index++) {
    const channel = `orders-${index}`;
    const { since, last } = await fill(gateway, channel);
    lasts.set(channel, last);
    const coming = player.subscribeFrame(channel, { recover: gateway.positionText(since) });
    channels.push({ coming, going: player.unsubscribeFrame(channel) });
  }
  gateway.onRead = ({ channel }) => {
    const last = lasts.get(channel) ?? 0;
    for (let count = 0; count < LIVE; count++) {
      // Offsets are the whole stream's, so there are others' between those of a channel.
      const stamp = { offset: last + 1000 + count, previousOffset: count === 0 ? last : last + 999 + count };
      backbone.deliver({ appId: app.id, channel }, envelopes[count] as Uint8Array, stamp);
    }
  };
  // The answer, what was missed, and what came meanwhile.
  const perComing = 1 + MISSED + LIVE;
  return {
    async run(times) {
      const before = player.frames;
      for (let done = 0; done < times; done += CHANNELS) {
        const now = channels.slice(0, times - done);
        for (const { coming } of now) player.send(coming);
        await player.answered(before + done * (perComing + 1) + now.length * perComing);
        for (const { going } of now) player.send(going);
      }
      assertDone(player.frames - before, times * (perComing + 1), "frames");
    },
  };
}

/** What is kept costs more to deliver: it is put in order, numbered and remembered. */
async function prepareLive(packages: Packages): Promise<Work> {
  const gateway = await startKeeping(packages);
  const player = new Player(gateway.server, NATIVE);
  player.subscribe("orders");
  await player.answered(1);
  let { last } = await fill(gateway, "orders");
  const address = { appId: gateway.app.id, channel: "orders" };
  return {
    run(times) {
      const before = gateway.server.reached;
      for (let turn = 0; turn < times; turn++) {
        const stamp = { offset: last + 1, previousOffset: last };
        gateway.backbone.deliver(address, gateway.envelopes[turn % gateway.envelopes.length] as Uint8Array, stamp);
        last++;
      }
      assertDone(gateway.server.reached - before, times, "deliveries");
    },
  };
}
