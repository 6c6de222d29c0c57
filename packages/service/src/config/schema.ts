import { createHash } from "node:crypto";
import { type AppSettings, WEBHOOK_LANES, type WebhookEndpoint } from "@carillon/core";
import { z } from "zod";
import { CLIENT_ADDRESS_SOURCES } from "../http/client-address.ts";
import { type ConfiguredChannelRule, INTEREST_MODES, LOG_FORMATS, LOG_LEVELS } from "./config-types.ts";
import {
  byteSize,
  choice,
  duration,
  flag,
  fraction,
  MAX_INT32,
  optionalText,
  text,
  textList,
  textMap,
  wholeNumber,
} from "./setting.ts";
import { group, groupList, optionalGroup } from "./setting-group.ts";
import {
  ADDRESS_RANGE_RULE,
  CHANNEL_PATTERN_RULE,
  CHANNEL_PREFIX_RULE,
  CLAIM_RULE,
  COLLECTOR_URL_RULE,
  checkHeaderName,
  HEADER_RULE,
  HOST_RULE,
  KEY_SET_URL_RULE,
  NAME_RULE,
  NATS_SERVER_RULE,
  ORIGIN_RULE,
  PATH_RULE,
  PUBLIC_KEY_RULE,
  PUBLISH_SECRET_RULE,
  SECRET_RULE,
  WEBHOOK_EVENT_RULE,
  WEBHOOK_URL_RULE,
} from "./text-rules.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
// Each connection token is tried against each key, so the lists stay short.
const MAX_KEYS = 10;

const port = (defaultPort: number) => wholeNumber({ default: defaultPort, min: 0, max: 65_535 });
const count = (defaultCount: number) => wholeNumber({ default: defaultCount, min: 0, max: 1_000_000_000 });
const host = text({ ...HOST_RULE, default: "0.0.0.0" });

const MAX_WEBHOOKS = 20;

/** The keys of one entry of `apps[].webhooks`. */
const webhookShape = {
  url: text(WEBHOOK_URL_RULE),
  events: textList({ ...WEBHOOK_EVENT_RULE, default: ["*"], minItems: 1, maxItems: 20 }),
  channels: group({ prefix: optionalText(CHANNEL_PREFIX_RULE) }),
  headers: textMap({ ...HEADER_RULE, checkKey: checkHeaderName, maxItems: 20 }),
  allowPrivateNetwork: flag(false),
};

/** The keys of one entry of `apps`. */
export const appSchema = group({
  id: text(NAME_RULE),
  key: text(NAME_RULE),
  secrets: textList({ ...SECRET_RULE, minItems: 1, maxItems: MAX_KEYS, variable: "SECRET" }),
  publishSecret: optionalText(PUBLISH_SECRET_RULE),
  enabled: flag(true),
  allowedOrigins: textList({ ...ORIGIN_RULE, default: ["*"], minItems: 0, maxItems: 1000 }),
  clientEvents: group({
    enabled: flag(false),
    // Pusher's documented limit for one connection.
    perSecond: wholeNumber({ default: 10, min: 0, max: 1_000_000 }),
  }),
  userAuthentication: flag(true),
  watchlist: flag(true),
  // Off, as with Pusher: it makes every subscribe and unsubscribe a message to all subscribers.
  subscriptionCount: flag(false),
  token: group({
    required: flag(false),
    publicKeys: textList({ ...PUBLIC_KEY_RULE, default: [], minItems: 0, maxItems: MAX_KEYS }),
    jwksUrl: optionalText(KEY_SET_URL_RULE),
    issuer: optionalText(CLAIM_RULE),
    audience: optionalText(CLAIM_RULE),
  }),
  limits: group({
    connections: count(0),
    // Gateways tell each other of each connection of a user, up to the limit.
    connectionsPerUser: wholeNumber({ default: 0, min: 0, max: 1000 }),
    // 100 is Pusher's documented limit.
    presenceMembers: wholeNumber({ default: 100, min: 0, max: 1_000_000 }),
    // 10,240 bytes, 10 events and 100 channels are Pusher's documented limits.
    messageBytes: byteSize({ default: 10_240, min: 0, max: 64 * MIB }),
    batchEvents: wholeNumber({ default: 10, min: 0, max: 100_000 }),
    channelsPerPublish: wholeNumber({ default: 100, min: 0, max: 100_000 }),
    channelsPerConnection: wholeNumber({ default: 200, min: 0, max: 1_000_000 }),
    commandsPerSecond: wholeNumber({ default: 50, min: 0, max: 1_000_000 }),
    publishesPerSecond: wholeNumber({ default: 0, min: 0, max: 1_000_000 }),
    historyBytes: byteSize({ default: 0, min: 0, max: 1024 ** 5 }),
    // Every process holds all of them, at some 300 bytes each.
    blocks: wholeNumber({ default: 10_000, min: 1, max: 100_000 }),
  }),
  webhooks: groupList(webhookShape, MAX_WEBHOOKS),
});

/** Apps as they are written; {@link toAppSettings} gives them the shape of the port. */
export const appsSchema = z.array(appSchema);

/** The keys of one entry of `channels`. */
export const channelRuleSchema = group({
  match: text(CHANNEL_PATTERN_RULE),
  apps: textList({ ...NAME_RULE, default: [], minItems: 0, maxItems: 1000 }),
  history: optionalGroup({
    // One read of a history brings at most 1000, so that one read is always enough to recover.
    messages: wholeNumber({ default: 100, min: 1, max: 1000 }),
    maxAge: duration({ default: 3600, min: 1, max: 365 * 86_400 }),
  }),
  cache: flag(false),
  presence: group({ listUpTo: wholeNumber({ default: 1000, min: 1, max: 1_000_000 }) }),
});

/** Rules as they are written; {@link toChannelRule} gives them the shape that the ports use. */
export const channelsSchema = z.preprocess((value) => value ?? [], z.array(channelRuleSchema));

/** The section `gateway`. */
export const gatewaySchema = group({
  host,
  port: port(8080),
  workers: wholeNumber({ default: 1, min: 1, max: 256 }),
  maxConnections: wholeNumber({ default: 0, min: 0, max: 10_000_000 }),
  maxFrameBytes: byteSize({ default: 64 * KIB, min: KIB, max: MAX_INT32 }),
  maxBackpressureBytes: byteSize({ default: MIB, min: 16 * KIB, max: MAX_INT32 }),
  // uWebSockets.js aborts the process on other values, 0 aside, which would keep dead connections for ever.
  idleTimeoutSeconds: duration({ default: 120, min: 8, max: 960 }),
  lingerSeconds: duration({ default: 5, min: 0, max: 300 }),
  maxLingeringChannels: wholeNumber({ default: 100_000, min: 0, max: 10_000_000 }),
  coalesceMs: wholeNumber({ default: 5, min: 0, max: 100 }),
  clientAddress: group({
    from: choice(CLIENT_ADDRESS_SOURCES, "socket"),
    trustedProxies: textList({ ...ADDRESS_RANGE_RULE, default: [], minItems: 0, maxItems: 100 }),
    force: flag(false),
  }),
  presence: group({ graceSeconds: duration({ default: 3, min: 0, max: 60 }) }),
  fallback: group({
    enabled: flag(true),
    keepSeconds: duration({ default: 10, min: 1, max: 300 }),
    bufferBytes: byteSize({ default: MIB, min: 16 * KIB, max: MAX_INT32 }),
    // A process may have 10,000 questions open to others.
    maxRelayed: wholeNumber({ default: 5000, min: 0, max: 8000 }),
  }),
  drain: group({
    delaySeconds: duration({ default: 0, min: 0, max: 600 }),
    spreadSeconds: duration({ default: 20, min: 0, max: 3600 }),
  }),
  rebalance: group({
    enabled: flag(false),
    // Less than a tenth is what chance makes of it.
    thresholdPercent: wholeNumber({ default: 20, min: 5, max: 1000 }),
    sharePercent: wholeNumber({ default: 2, min: 1, max: 25 }),
    intervalSeconds: duration({ default: 30, min: 1, max: 3600 }),
    minConnections: wholeNumber({ default: 100, min: 1, max: 10_000_000 }),
  }),
  admission: group({
    maxEventLoopLagMs: wholeNumber({ default: 1000, min: 0, max: 60_000 }),
    maxMemoryPercent: wholeNumber({ default: 85, min: 0, max: 100 }),
    maxMemoryBytes: byteSize({ default: 0, min: 0, max: 1024 ** 5 }),
    maxOpenFilesPercent: wholeNumber({ default: 95, min: 0, max: 100 }),
  }),
});

/** The section `publisher`. */
export const publisherSchema = group({
  host,
  port: port(8081),
  maxBodyBytes: byteSize({ default: MIB, min: KIB, max: MAX_INT32 }),
});

/** The section `webhooks`. */
export const webhooksSchema = group({
  batch: group({
    events: wholeNumber({ default: 50, min: 1, max: 1000 }),
    bytes: byteSize({ default: 256 * KIB, min: KIB, max: 8 * MIB }),
    waitMs: wholeNumber({ default: 100, min: 0, max: 10_000 }),
  }),
  concurrency: wholeNumber({ default: WEBHOOK_LANES, min: 1, max: WEBHOOK_LANES }),
  timeoutSeconds: duration({ default: 10, min: 1, max: 120 }),
  leaseSeconds: duration({ default: 15, min: 2, max: 300 }),
  retry: group({
    firstMs: wholeNumber({ default: 1000, min: 10, max: 3_600_000 }),
    maxSeconds: duration({ default: 600, min: 1, max: 86_400 }),
    horizonSeconds: duration({ default: 86_400, min: 0, max: 7 * 86_400 }),
  }),
});

/** The section `admin`. */
export const adminSchema = group({ host, port: port(9090) });

/** The section `nats`. */
export const natsSchema = group({
  servers: textList({ ...NATS_SERVER_RULE, default: [], minItems: 0, maxItems: 100 }),
  prefix: text({ ...NAME_RULE, default: "carillon" }),
  interest: choice(INTEREST_MODES, "auto"),
  credentials: group({
    user: optionalText(CLAIM_RULE),
    password: optionalText(SECRET_RULE),
    token: optionalText(SECRET_RULE),
    nkeySeed: optionalText(SECRET_RULE),
    credsFile: optionalText(PATH_RULE),
  }),
  tls: group({
    caFile: optionalText(PATH_RULE),
    certFile: optionalText(PATH_RULE),
    keyFile: optionalText(PATH_RULE),
    handshakeFirst: flag(false),
  }),
  idempotency: group({
    windowSeconds: duration({ default: 120, min: 1, max: 86_400 }),
    // JetStream keeps 1 to 5 copies of a stream.
    replicas: wholeNumber({ default: 1, min: 1, max: 5 }),
  }),
  history: group({
    streams: wholeNumber({ default: 4, min: 1, max: 32 }),
    replicas: wholeNumber({ default: 1, min: 1, max: 5 }),
    maxBytes: byteSize({ default: 0, min: 0, max: 1024 ** 5 }),
  }),
  webhooks: group({
    replicas: wholeNumber({ default: 1, min: 1, max: 5 }),
    maxBytes: byteSize({ default: 256 * MIB, min: MIB, max: 1024 ** 5 }),
    keepDeadSeconds: duration({ default: 14 * 86_400, min: 60, max: 365 * 86_400 }),
  }),
  // 0 = as many as histories have.
  blocks: group({ replicas: wholeNumber({ default: 0, min: 0, max: 5 }) }),
});

/** The section `log`. */
export const logSchema = group({ format: choice(LOG_FORMATS, "json"), level: choice(LOG_LEVELS, "info") });

/** The section `tracing`. */
export const tracingSchema = group({
  enabled: flag(false),
  endpoint: optionalText(COLLECTOR_URL_RULE),
  sampleRatio: fraction(0),
  channelNames: flag(false),
  headers: textMap({ ...HEADER_RULE, checkKey: checkHeaderName, maxItems: 20 }),
});

/** Every section; the one list of what a configuration may hold. */
export const SECTIONS = {
  apps: appsSchema,
  channels: channelsSchema,
  gateway: gatewaySchema,
  publisher: publisherSchema,
  webhooks: webhooksSchema,
  admin: adminSchema,
  nats: natsSchema,
  log: logSchema,
  tracing: tracingSchema,
} as const;

/** Turns one checked entry of `apps` into the settings that the port promises. */
export function toAppSettings(app: z.output<typeof appSchema>): AppSettings {
  const { required, ...token } = app.token;
  return { ...app, token: { isRequired: required, ...token }, webhooks: app.webhooks.map(toEndpoint) };
}

function toEndpoint({ channels, ...endpoint }: z.output<typeof appSchema>["webhooks"][number]): WebhookEndpoint {
  const id = createHash("sha256").update(endpoint.url).digest("base64url").slice(0, 16);
  return { id, channelPrefix: channels.prefix ?? "", ...endpoint };
}

/** Turns one checked entry of `channels` into what the ports use. */
export function toChannelRule(written: z.output<typeof channelRuleSchema>): ConfiguredChannelRule {
  const { history, cache, presence, ...rule } = written;
  return {
    ...rule,
    isCache: cache,
    presenceListUpTo: presence.listUpTo,
    history: history === null ? null : { messages: history.messages, maxAgeMs: history.maxAge * 1000 },
  };
}
