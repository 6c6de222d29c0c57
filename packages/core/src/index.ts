export { countBy, createNodeCounters } from "./node-counters.ts";
export type {
  App,
  AppLimits,
  AppRegistry,
  AppSettings,
  ClientEventRules,
  ConnectionGrant,
  TokenRules,
} from "./ports/apps.ts";
export type { Authorizer, ChannelProof } from "./ports/authorizer.ts";
export type { Bus, BusPublishOptions, BusPublishResult, BusReceiver, BusStatus, ChannelAddress } from "./ports/bus.ts";
export { BusUnavailableError, IdempotencyUnavailableError } from "./ports/bus.ts";
export type { Clock, Timer } from "./ports/clock.ts";
export type { Codec } from "./ports/codec.ts";
export type { IdSource } from "./ports/ids.ts";
export type { NodeCounters } from "./ports/metrics.ts";
export type { TopicTree, Transport, WriteResult } from "./ports/transport.ts";
