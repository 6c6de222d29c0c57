import type { AppSettings, HistoryLimits } from "@carillon/core";
import type { ClientAddressOptions } from "../http/client-address.ts";

/** The processes that read the configuration. `dev` is all the others in one. */
export const CONFIG_ROLES = ["dev", "gateway", "publisher", "webhooks"] as const;

/** One of {@link CONFIG_ROLES}. It decides what `--host` and `--port` mean, a few defaults, and what must be present. */
export type ConfigRole = (typeof CONFIG_ROLES)[number];

/** Levels of log lines, the most talkative first. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error"] as const;

/** Forms of log lines: one JSON object each, or coloured text for people. */
export const LOG_FORMATS = ["json", "pretty"] as const;

/** How a gateway asks NATS for channels: one subject each, one wildcard for each partition in use, or whichever is cheaper. */
export const INTEREST_MODES = ["exact", "partition", "auto"] as const;

/** How a gateway leaves on SIGTERM: not ready, wait, stop accepting, then tell its clients to come back, spread out. */
export interface DrainConfig {
  /** Seconds between "not ready" and the end of accepting, for load balancers to notice. 0 = none. */
  readonly delaySeconds: number;
  /** Seconds over which the connections are told to come back. 0 = all at once. */
  readonly spreadSeconds: number;
}

/** How a gateway that holds more connections than the others sends some of its clients to them. */
export interface RebalanceConfig {
  readonly enabled: boolean;
  /** How many per cent above the average of all gateways it takes. */
  readonly thresholdPercent: number;
  /** The most of its connections that are asked to come back in one interval, in per cent. */
  readonly sharePercent: number;
  readonly intervalSeconds: number;
  /** With fewer connections nobody is asked. */
  readonly minConnections: number;
}

/** Where a gateway learns the addresses of its clients. */
export interface ClientAddressConfig extends ClientAddressOptions {
  /** Use `proxyProtocol` although the server reads it wrongly. */
  readonly force: boolean;
}

/** When a gateway takes in nobody more for a while, so that those whom it holds are served well. 0 = never for this reason. */
export interface AdmissionConfig {
  /** Lag of the event loop, in ms. */
  readonly maxEventLoopLagMs: number;
  /** Share of the memory that the process may use: of its container's limit, and of the heap's. */
  readonly maxMemoryPercent: number;
  /** Memory of the process, in bytes. */
  readonly maxMemoryBytes: number;
  /** Share of the files and sockets that the process may have open. */
  readonly maxOpenFilesPercent: number;
}

/** How a gateway tells who is on presence channels. */
export interface PresenceConfig {
  /** How long a member whose last connection broke is still counted as there, so that reloads don't show. 0 = not at all. */
  readonly graceSeconds: number;
}

/** Connections over HTTP, for clients that WebSockets don't reach. */
export interface FallbackConfig {
  readonly enabled: boolean;
  /** How long a session lives from which nobody fetches. */
  readonly keepSeconds: number;
  /** Bytes that may wait for one client; more end its session. */
  readonly bufferBytes: number;
  /** Calls that a gateway may relay to others at a time; further ones get 503. */
  readonly maxRelayed: number;
}

/** The process that holds connections. */
export interface GatewayConfig {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Processes that `carillon gateway` is made of. */
  readonly workers: number;
  /** Connections of this process; 0 = 90 % of its open-file limit. */
  readonly maxConnections: number;
  /** Longest frame that is read from a client. */
  readonly maxFrameBytes: number;
  /** Unsent bytes at which a connection is cut as a slow consumer. */
  readonly maxBackpressureBytes: number;
  /** Silence after which a connection is closed; 8 to 960. */
  readonly idleTimeoutSeconds: number;
  /** How long interest in a channel outlives its last local subscriber. 0 = not at all. */
  readonly lingerSeconds: number;
  /** Channels that may linger at once; beyond it the oldest is released. */
  readonly maxLingeringChannels: number;
  /** Longest time that events of a busy channel wait to be written together. 0 = not at all. */
  readonly coalesceMs: number;
  readonly clientAddress: ClientAddressConfig;
  readonly presence: PresenceConfig;
  readonly fallback: FallbackConfig;
  readonly drain: DrainConfig;
  readonly rebalance: RebalanceConfig;
  readonly admission: AdmissionConfig;
}

/** The process that serves the publish API. */
export interface PublisherConfig {
  readonly host: string;
  /** 0 = any free port. Unused by `carillon dev`, which serves everything on the gateway's port. */
  readonly port: number;
  /** Longest request body. */
  readonly maxBodyBytes: number;
}

/** The process that tells applications of what happens. */
export interface WebhooksConfig {
  readonly batch: {
    /** Most events in one request; 1 = each alone. */
    readonly events: number;
    /** Most bytes of events in one request. */
    readonly bytes: number;
    /** How long the first event waits for others. */
    readonly waitMs: number;
  };
  /** Most requests to one endpoint at a time, from each worker. */
  readonly concurrency: number;
  /** From the first byte of a request to its answer. */
  readonly timeoutSeconds: number;
  /** How long a worker that says nothing any more holds up what it was about. */
  readonly leaseSeconds: number;
  readonly retry: {
    /** Until the second attempt; doubles with each one after it. */
    readonly firstMs: number;
    /** The most between two attempts. */
    readonly maxSeconds: number;
    /** How long after it was queued an event is given up. */
    readonly horizonSeconds: number;
  };
}

/** Where metrics and health are served. */
export interface AdminConfig {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

/** How a process proves to NATS who it is. At most one way is set. */
export interface NatsCredentials {
  readonly user: string | null;
  readonly password: string | null;
  readonly token: string | null;
  readonly nkeySeed: string | null;
  /** Path of a `.creds` file. */
  readonly credsFile: string | null;
}

/** TLS towards NATS. Paths of PEM files; all null = as the server asks, with the system's authorities. */
export interface NatsTls {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  /** True when TLS starts before the server's first line; the server must be set up the same way. */
  readonly handshakeFirst: boolean;
}

/** How idempotency keys are remembered over the cluster (JetStream). */
export interface IdempotencyConfig {
  /** How long a repeat is recognised. */
  readonly windowSeconds: number;
  /** Copies of the record in the NATS cluster. */
  readonly replicas: number;
}

/** How the histories of channels are kept in the NATS cluster (JetStream). */
export interface NatsHistoryConfig {
  /** Streams that all channels are spread over, 1 to 32. Never changed once there are histories. */
  readonly streams: number;
  /** Copies of each stream in the NATS cluster: 1, 3 or 5. */
  readonly replicas: number;
  /** Bytes on disk of each copy of a stream, beyond which the oldest publications go; 0 = what NATS allows. */
  readonly maxBytes: number;
}

/** How webhook events are kept in the NATS cluster (JetStream) until they are delivered. */
export interface NatsWebhooksConfig {
  /** Copies of the queue and of the dead letters in the NATS cluster: 1, 3 or 5. */
  readonly replicas: number;
  /** Bytes on disk of each copy: of the queue, beyond which new events wait in the gateways; of the dead letters, beyond which the oldest go. */
  readonly maxBytes: number;
  /** How long dead letters are kept. */
  readonly keepDeadSeconds: number;
}

/** How blocks of users and tokens are kept in the NATS cluster (JetStream). */
export interface NatsBlocksConfig {
  /** Copies in the NATS cluster: 1, 3 or 5; 0 = as many as histories have. */
  readonly replicas: number;
}

/** One entry of `channels`: what holds for channels whose name matches a pattern. */
export interface ConfiguredChannelRule {
  /** A channel name in which `*` stands for any run of characters. */
  readonly match: string;
  /** Ids of the apps that it holds for; empty = all. */
  readonly apps: readonly string[];
  /** Null: no history. */
  readonly history: HistoryLimits | null;
  /** True: the newest event is sent to whoever subscribes. */
  readonly isCache: boolean;
  /** Up to so many members a presence channel tells who comes and goes. */
  readonly presenceListUpTo: number;
}

/** The backbone. */
export interface NatsConfig {
  /** Empty = none: `carillon dev` then uses its in-process bus. */
  readonly servers: readonly string[];
  /** First token of every subject. */
  readonly prefix: string;
  readonly interest: (typeof INTEREST_MODES)[number];
  readonly credentials: NatsCredentials;
  readonly tls: NatsTls;
  readonly idempotency: IdempotencyConfig;
  readonly history: NatsHistoryConfig;
  readonly webhooks: NatsWebhooksConfig;
  readonly blocks: NatsBlocksConfig;
}

/** What is logged, and how. */
export interface LogConfig {
  readonly format: (typeof LOG_FORMATS)[number];
  readonly level: (typeof LOG_LEVELS)[number];
}

/** Traces of publishes, by OpenTelemetry. */
export interface TracingConfig {
  /** False: nothing is traced, nothing of OpenTelemetry is loaded, and no message is looked at for it. */
  readonly enabled: boolean;
  /** Origin of a collector that takes OTLP over HTTP, or its whole address. Null: what OpenTelemetry's own variables say. */
  readonly endpoint: string | null;
  /** Share of the publishes without a `traceparent` that a trace begins with, 0 to 1. */
  readonly sampleRatio: number;
  /** True: spans have the names of channels. */
  readonly channelNames: boolean;
  /** What the collector is sent along, such as `authorization`; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Something to tell the operator about one setting. Never contains a value, so never a secret. */
export interface ConfigProblem {
  /** The setting, such as `apps[0].key`; "" when it is about the whole. */
  readonly path: string;
  /** Where it was set: `carillon.yaml:4:7`, `CARILLON_PORT`, `--port`; "" when it was not set at all. */
  readonly where: string;
  /** What is wrong, and what is allowed. */
  readonly message: string;
}

/** The whole configuration, checked, complete and frozen. */
export interface Config {
  /** At least one. The first is what a native connection without `?key=` gets. */
  readonly apps: readonly AppSettings[];
  /** The first that matches a channel holds for it. */
  readonly channels: readonly ConfiguredChannelRule[];
  readonly gateway: GatewayConfig;
  readonly publisher: PublisherConfig;
  readonly webhooks: WebhooksConfig;
  readonly admin: AdminConfig;
  readonly nats: NatsConfig;
  readonly log: LogConfig;
  readonly tracing: TracingConfig;
  /** What works but should be looked at, such as short secrets. To be logged at the start and after each reload. */
  readonly warnings: readonly ConfigProblem[];
  /** Absolute paths of every file that was read; a change of any of them is a reason to reload. */
  readonly files: readonly string[];
}
