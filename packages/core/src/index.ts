export { type AppCounters, AppCounts } from "./app-counters.ts";
export { type BlockCounters, BlockGuard, type BlockGuardOptions } from "./blocks/block-guard.ts";
export { BlockList } from "./blocks/block-list.ts";
export { MemoryBlockStore, type MemoryBlockStoreOptions } from "./blocks/memory-block-store.ts";
export { Channel, type ChannelSink, type ChannelState } from "./channel.ts";
export { ChannelLog, type LogEntry, type LogState, type Verdict } from "./channel-log.ts";
export { ChannelRegistry, type ChannelRegistryOptions } from "./channel-registry.ts";
export type {
  AskOptions,
  Cluster,
  ClusterAnswer,
  ClusterAnswers,
  ClusterHandler,
  ClusterNode,
  Departure,
} from "./cluster/cluster.ts";
export type { ClusterCounters } from "./cluster/cluster-counters.ts";
export { ClusterMembership, type ClusterMembershipOptions } from "./cluster/cluster-membership.ts";
export { BEAT_MS, LOST_AFTER_MS } from "./cluster/peers.ts";
export { ConnectionTable } from "./connection-table.ts";
export { BlockControl, type BlockControlOptions, type BlockWish } from "./control/block-control.ts";
export {
  type ChannelSummary,
  type ChannelsQuery,
  ClusterControl,
  type ControlResult,
  type DisconnectTarget,
  type ReceiptsRequest,
} from "./control/cluster-control.ts";
export {
  type CountAnnouncement,
  decodeCountAnnouncement,
  encodeCountAnnouncement,
} from "./counts/count-announcement.ts";
export { SubscriberCounts, type SubscriberCountsOptions } from "./counts/subscriber-counts.ts";
export { DeliveryLag } from "./delivery-lag.ts";
export { DurationBuckets } from "./duration-buckets.ts";
export { EventPublisher, type EventPublisherOptions, type NewEvent, type PublishedEvent } from "./event-publisher.ts";
export { ExpiryWheel } from "./expiry-wheel.ts";
export { HistoryAccess, type HistoryAccessOptions, type HistoryAnswer, type HistoryRequest } from "./history-access.ts";
export { HistoryBudgets, type HistoryBudgetsOptions } from "./history-budgets.ts";
export { createHistoryCounters, type HistoryCounters } from "./history-counters.ts";
export { HistoryKeeper, type HistoryKeeperOptions } from "./history-keeper.ts";
export { HistoryReader, type HistoryReaderOptions, type HistoryTail, type TailQuery } from "./history-reader.ts";
export { Hub, type HubOptions } from "./hub.ts";
export { IdleWatch, type Watched } from "./idle-watch.ts";
export type { Instruments } from "./instruments.ts";
export type { Joined, Joining } from "./joining.ts";
export type { LoggedChannel } from "./logged-channel.ts";
export { membershipOf } from "./membership.ts";
export { MemoryBackbone, type MemoryBackboneOptions, MemoryBus } from "./memory-bus.ts";
export { MemoryClusterBackbone, MemoryClusterLink } from "./memory-cluster-link.ts";
export { MemoryHistory, type MemoryHistoryOptions } from "./memory-history.ts";
export { Node, type OpenResult } from "./node.ts";
export { countBy, createNodeCounters } from "./node-counters.ts";
export type { NodeOptions, NodeWebhooks } from "./node-options.ts";
export type { HistoryServices, NodeServices } from "./node-services.ts";
export { type PaceOptions, paced } from "./pace.ts";
export type {
  App,
  AppLimits,
  AppRegistry,
  AppSettings,
  ClientEventRules,
  ConnectionGrant,
  TokenRules,
  WebhookEndpoint,
} from "./ports/apps.ts";
export type { Authorizer, ChannelProof, UserProof } from "./ports/authorizer.ts";
export type {
  Block,
  BlockKind,
  BlockPage,
  BlockQuery,
  BlockStore,
  BlockStoreStatus,
  BlockTarget,
  NewBlock,
} from "./ports/block-store.ts";
export { BLOCK_KINDS, BlockStoreFullError, BlocksUnavailableError } from "./ports/block-store.ts";
export type { Bus, BusPublishOptions, BusPublishResult, BusReceiver, BusStatus, ChannelAddress } from "./ports/bus.ts";
export { BusUnavailableError, EnvelopeTooLargeError, IdempotencyUnavailableError } from "./ports/bus.ts";
export type { ChannelRule, ChannelRules } from "./ports/channel-rules.ts";
export type { Clock, Timer } from "./ports/clock.ts";
export type { ClusterLink } from "./ports/cluster-link.ts";
export type { Codec } from "./ports/codec.ts";
export type {
  AppendOptions,
  AppendResult,
  HistoryLimits,
  HistoryPage,
  HistoryQuery,
  HistoryStore,
  HistoryUsage,
  Position,
  StoredPublication,
  StreamStamp,
} from "./ports/history-store.ts";
export { HistoryUnavailableError, MAX_HEADS, TRIMMED_SHARE } from "./ports/history-store.ts";
export type { IdSource } from "./ports/ids.ts";
export type { NodeCounters } from "./ports/metrics.ts";
export type { ProxyDrainAnswer, ProxyDrainRequest, ProxyDrainResult } from "./ports/proxy-drains.ts";
export type {
  DeliveryOutcome,
  DeliverySpan,
  DeliveryTracer,
  PublishOutcome,
  PublishSpan,
  PublishTracer,
  TraceContext,
} from "./ports/tracer.ts";
export type { TopicTree, Transport, WriteResult } from "./ports/transport.ts";
export type {
  DeadLetter,
  DeadLetterQuery,
  DeadLetterReason,
  WebhookConsumer,
  WebhookEntry,
  WebhookLane,
  WebhookLease,
  WebhookQueue,
  WebhookQueueStats,
} from "./ports/webhook-queue.ts";
export {
  WEBHOOK_LANES,
  WebhookEntryTooLargeError,
  WebhookQueueUnavailableError,
  webhookLaneOf,
} from "./ports/webhook-queue.ts";
export { formatPosition, parsePosition } from "./position.ts";
export { GossipPresence, type GossipPresenceOptions } from "./presence/gossip-presence.ts";
export type { Member, MemberPage, PresenceChange, Roster } from "./presence/member.ts";
export type { Presence, PresenceEntry } from "./presence/presence.ts";
export type { PresenceCounters } from "./presence/presence-counters.ts";
export {
  decodePresenceDelta,
  encodePresenceDelta,
  isPresenceDelta,
  type PresenceDelta,
  type PresenceUser,
} from "./presence/presence-delta.ts";
export { type DeltaVerdict, type RosterDiff, RosterState } from "./presence/roster-state.ts";
export type { ClientEvent } from "./publishing.ts";
export { RateLimit } from "./rate-limit.ts";
export {
  type RebalanceLimits,
  type RebalancePeer,
  RebalancePlan,
  type RebalanceState,
  type RebalanceStep,
  type RebalanceView,
} from "./rebalance-plan.ts";
export { MAX_RECEIPTS_MS } from "./receipts.ts";
export { type CatchUp, type CaughtUp, Recovery, type RecoveryFailure, type RecoveryOptions } from "./recovery.ts";
export { Session, type SessionOptions, type SessionOwner } from "./session.ts";
export { SparseLog } from "./sparse-log.ts";
export { type SubscribeResult, type Subscription, SubscriptionSet } from "./subscription-set.ts";
export { formatTraceParent, readTraceContext } from "./trace-context.ts";
export { ONLINE_CHANNEL, OnlineUsers, type OnlineUsersOptions, type WatchReport } from "./users/online-users.ts";
export type { SignedInUser, SignIn } from "./users/signed-in-user.ts";
export { type CountedSession, UserQuota, type UserQuotaCounters, type UserQuotaOptions } from "./users/user-quota.ts";
export { MemoryWebhookQueue, type MemoryWebhookQueueOptions } from "./webhooks/memory-webhook-queue.ts";
export { createSourceCounters, type SourceCounters } from "./webhooks/source-counters.ts";
export { WEBHOOK_EVENT_NAMES, type WebhookEvent, type WebhookEventName } from "./webhooks/webhook-event.ts";
export { withinLimits } from "./webhooks/within-limits.ts";
export { withinBytes } from "./within-bytes.ts";
