import { readFile } from "node:fs/promises";
import type { HistoryLimits } from "@carillon/core";
import type {
  NatsAuth,
  NatsBusOptions,
  NatsHistorySettings,
  NatsTlsSettings,
  NatsWebhookSettings,
} from "@carillon/nats";
import {
  type Config,
  ConfigError,
  type ConfigRole,
  type Logger,
  type NatsCredentials,
  type NatsHistoryConfig,
  type NatsTls,
  type NatsWebhooksConfig,
  type WebhooksConfig,
} from "@carillon/service";

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
 * Turns the settings into what the bus wants, and reads the files that they name. The role and the process id become the name
 * of the connection in NATS's monitoring; the role also begins the subjects of answers, which permissions go by.
 *
 * @throws ConfigError when a file can't be read.
 */
export async function natsOptions(
  { nats: config, webhooks }: Pick<Config, "nats" | "webhooks">,
  { role, tool = role, ceiling, log }: NatsSurroundings,
): Promise<NatsBusOptions> {
  const auth = await authOf(config.credentials);
  const tls = await tlsOf(config.tls);
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
    ...(auth === null ? {} : { auth }),
    ...(tls === null ? {} : { tls }),
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

async function authOf(credentials: NatsCredentials): Promise<NatsAuth | null> {
  const { user, password, token, nkeySeed, credsFile } = credentials;
  if (user !== null) return { kind: "user", user, password: password ?? "" };
  if (token !== null) return { kind: "token", token };
  if (nkeySeed !== null) return { kind: "nkey", seed: nkeySeed };
  if (credsFile !== null) return { kind: "creds", content: await read("nats.credentials.credsFile", credsFile) };
  return null;
}

async function tlsOf({ caFile, certFile, keyFile, handshakeFirst }: NatsTls): Promise<NatsTlsSettings | null> {
  if (caFile === null && certFile === null && keyFile === null && !handshakeFirst) return null;
  return {
    handshakeFirst,
    ...(caFile === null ? {} : { ca: await read("nats.tls.caFile", caFile) }),
    ...(certFile === null ? {} : { cert: await read("nats.tls.certFile", certFile) }),
    ...(keyFile === null ? {} : { key: await read("nats.tls.keyFile", keyFile) }),
  };
}

async function read(path: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    throw new ConfigError("config_unreadable", [{ path, where: file, message: `the file can't be read (${reason})` }]);
  }
}
