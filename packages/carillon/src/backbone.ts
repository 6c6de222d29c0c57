import {
  type BlockStore,
  type Bus,
  type ClusterLink,
  type HistoryLimits,
  type HistoryStore,
  type IdSource,
  MemoryBackbone,
  MemoryBlockStore,
  MemoryBus,
  MemoryClusterBackbone,
  MemoryClusterLink,
  MemoryHistory,
  MemoryWebhookQueue,
  type WebhookQueue,
} from "@carillon/core";
import { connectNatsBus, type NatsBus } from "@carillon/nats";
import { type Config, type ConfigRole, type Logger, largestLimits, systemClock } from "@carillon/service";
import { natsOptions } from "./nats-options.ts";
import { NatsSecrets } from "./nats-secrets.ts";

/** What a process stands on: the bus between nodes, and the store of histories that belongs to it. */
export interface Backbone {
  readonly bus: Bus;
  /** The same as `bus`, with what only NATS has; null where there is none. */
  readonly natsBus: NatsBus | null;
  readonly history: HistoryStore;
  /** Events on their way to applications. */
  readonly webhooks: WebhookQueue;
  /** Who is kept out; in one process without NATS it forgets that when it ends. */
  readonly blocks: BlockStore;
  /** What is shown to NATS; null where there is none. */
  readonly natsSecrets: NatsSecrets | null;
  /** How the processes of the cluster talk to each other, beside the channels. */
  readonly clusterLink: ClusterLink;
  /** The most that the store keeps of a channel; null: whatever a rule asks for. */
  readonly ceiling: HistoryLimits | null;
}

/** What {@link startBackbone} looks at. */
export interface BackboneOptions {
  readonly config: Config;
  readonly role: ConfigRole;
  readonly log: Logger;
  readonly ids: IdSource;
}

/** What the streams are made for when no rule has a history yet, so that one may be added while the process runs. */
const DEFAULT_CEILING: HistoryLimits = { messages: 100, maxAgeMs: 3_600_000 };

/** Connects to NATS, or makes the in-process stand-in where none is configured. Rejects with BusUnavailableError. */
export async function startBackbone({ config, role, log, ids }: BackboneOptions): Promise<Backbone> {
  if (config.nats.servers.length === 0) {
    const backbone = new MemoryBackbone({ clock: systemClock });
    const history = new MemoryHistory({ backbone, clock: systemClock, ids });
    const clusterLink = new MemoryClusterLink(new MemoryClusterBackbone());
    const leaseMs = config.webhooks.leaseSeconds * 1000;
    const webhooks = new MemoryWebhookQueue({ clock: systemClock, leaseMs });
    const blocks = new MemoryBlockStore({ clock: systemClock });
    const bus = new MemoryBus(backbone);
    return { bus, natsBus: null, natsSecrets: null, history, webhooks, blocks, clusterLink, ceiling: null };
  }
  const ceiling = largestLimits(config.channels) ?? DEFAULT_CEILING;
  const natsSecrets = await NatsSecrets.read(config.nats);
  const options = await natsOptions(config, { role, ceiling, log }, natsSecrets);
  const bus = await connectNatsBus({ ...options, readsTraces: config.tracing.enabled });
  const { history, webhooks, blocks, clusterLink } = bus;
  return { bus, natsBus: bus, natsSecrets, history, webhooks, blocks, clusterLink, ceiling };
}
