import type { HistoryLimits } from "@carillon/core";
import type { NatsBusOptions, NatsHistorySettings, NatsWebhookSettings } from "@carillon/nats";
import type {
  Config,
  ConfigRole,
  Logger,
  NatsHistoryConfig,
  NatsWebhooksConfig,
  WebhooksConfig,
} from "@carillon/service";
import { NatsSecrets } from "./nats-secrets.ts";

/** What the bus is told besides its settings. */
export interface NatsSurroundings {
  /** `proxy`: who may have clients come back through another proxy, and nothing else. */
  readonly role: ConfigRole | "proxy";
  /** Of a tool that has a role's credentials. Absent: a process of that role itself. */
  readonly tool?: string;
  /** The most that the streams keep of a channel; absent: what they keep by default. */
  readonly ceiling?: HistoryLimits;
  readonly log?: Logger;
}

/**
 * Turns the settings into what the bus wants. The role and the process id become the name of the connection in NATS's monitoring;
 * the role also begins the subjects of answers, which permissions go by. `known`: what the files hold that the settings name;
 * absent: they are read. Rejects with ConfigError.
 */
export async function natsOptions(
  { nats: config, webhooks }: Pick<Config, "nats" | "webhooks">,
  { role, tool = role, ceiling, log }: NatsSurroundings,
  known?: NatsSecrets,
): Promise<NatsBusOptions> {
  const secrets = known ?? (await NatsSecrets.read(config));
  const { windowSeconds, replicas } = config.idempotency;
  return {
    servers: config.servers,
    prefix: config.prefix,
    interest: config.interest,
    name: `carillon-${tool}-${process.pid}`,
    inboxPrefix: `_INBOX_${role}`,
    idempotency: { windowMs: windowSeconds * 1000, replicas },
    history: historyOf(config.history, ceiling),
    webhooks: webhooksOf(config.webhooks, webhooks),
    blocks: { replicas: config.blocks.replicas === 0 ? config.history.replicas : config.blocks.replicas },
    auth: () => secrets.auth,
    ...(secrets.tls === null ? {} : { tls: () => secrets.tls ?? {} }),
    ...(log === undefined ? {} : { log }),
  };
}

function historyOf(config: NatsHistoryConfig, ceiling?: HistoryLimits): NatsHistorySettings {
  return {
    streams: config.streams,
    replicas: replicasOf(config.replicas),
    maxBytesPerStream: config.maxBytes,
    ...(ceiling === undefined ? {} : { maxMessagesPerChannel: ceiling.messages, maxAgeMs: ceiling.maxAgeMs }),
  };
}

function webhooksOf(config: NatsWebhooksConfig, { leaseSeconds }: WebhooksConfig): NatsWebhookSettings {
  return {
    replicas: replicasOf(config.replicas),
    maxBytes: config.maxBytes,
    keepDeadMs: config.keepDeadSeconds * 1000,
    leaseMs: leaseSeconds * 1000,
  };
}

/** The configuration has no other numbers. */
function replicasOf(count: number): 1 | 3 | 5 {
  return count === 3 || count === 5 ? count : 1;
}
