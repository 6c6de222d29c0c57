export { Channel, type ChannelSink, type ChannelState } from "./channel.ts";
export { ChannelRegistry, type ChannelRegistryOptions } from "./channel-registry.ts";
export { ConnectionTable } from "./connection-table.ts";
export { type DrainOptions, drainSessions } from "./drain.ts";
export { EventPublisher, type EventPublisherOptions, type NewEvent, type PublishedEvent } from "./event-publisher.ts";
export { ExpiryWheel } from "./expiry-wheel.ts";
export { Hub, type HubOptions } from "./hub.ts";
export { MemoryBackbone, type MemoryBackboneOptions, MemoryBus } from "./memory-bus.ts";
export { Node, type NodeOptions, type NodeServices, type OpenResult } from "./node.ts";
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
export { BusUnavailableError, EnvelopeTooLargeError, IdempotencyUnavailableError } from "./ports/bus.ts";
export type { Clock, Timer } from "./ports/clock.ts";
export type { Codec } from "./ports/codec.ts";
export type { IdSource } from "./ports/ids.ts";
export type { NodeCounters } from "./ports/metrics.ts";
export type { TopicTree, Transport, WriteResult } from "./ports/transport.ts";
export { RateLimit } from "./rate-limit.ts";
export { type ClientEvent, Session, type SessionOptions, type SessionOwner } from "./session.ts";
export { type Subscription, SubscriptionSet } from "./subscription-set.ts";
