import type {
  BlockCounters,
  BlockStore,
  ClusterMembership,
  HistoryCounters,
  PresenceCounters,
  UserQuotaCounters,
} from "@carillon/core";
import type { Fallback } from "@carillon/gateway";
import { DURATION_BOUNDS_SECONDS, type Publisher } from "@carillon/publisher";
import {
  type AdminConfig,
  type AdminServer,
  createAdminServer,
  createMetricsRegistry,
  type Logger,
  type MetricsRegistry,
} from "@carillon/service";
import { addAppMetrics, addBuildMetrics, addConnectionMetrics, addLagMetrics, addNatsMetrics } from "./flow-metrics.ts";
import { addOverloadMetrics, addRebalanceMetrics, overloadOf } from "./gateway-load.ts";
import type { Parts } from "./parts.ts";
import { addTraceMetrics } from "./tracing/trace-metrics.ts";
import { addWebhookMetrics, addWebhookSourceMetrics } from "./webhook-metrics.ts";

/** What the admin server of a process tells, and where. */
export interface AdminOptions {
  readonly config: AdminConfig;
  readonly role: string;
  readonly log: Logger;
  readonly parts: Parts;
}

/** Makes the admin server of a process: its metrics, its health, and why it is not ready when it isn't. */
export function makeAdmin({ config, role, log, parts }: AdminOptions): AdminServer {
  const { counters, gateway, publisher, bus, leaving } = parts;
  const metrics = createMetricsRegistry({
    counters,
    role,
    gauges: {
      isHistoryAvailable: () => isHistoryAvailable(parts),
      isBusConnected: () => bus.status === "connected",
      isDraining: () => leaving.hasBegun,
      ...(gateway === null
        ? {}
        : {
            connections: () => gateway.connectionsByTransport,
            channels: () => gateway.channels,
            subscriptions: () => gateway.subscriptions,
          }),
    },
  });
  addBuildMetrics(metrics);
  addFlowMetrics(metrics, parts);
  if (gateway?.fallback != null) addFallbackMetrics(metrics, gateway.fallback);
  if (gateway !== null) addOverloadMetrics(metrics, gateway);
  if (gateway !== null) addRebalanceMetrics(metrics, gateway);
  if (gateway !== null) addHistoryMetrics(metrics, gateway.historyCounters);
  addClusterMetrics(metrics, parts.cluster);
  addBlockMetrics(metrics, parts.blocks, gateway?.blockCounters ?? null);
  if (gateway !== null) addUserQuotaMetrics(metrics, gateway.userQuotaCounters);
  if (gateway !== null && gateway.presenceCounters !== null) {
    addPresenceMetrics(metrics, gateway.presenceCounters, () => gateway.presenceMembers);
  }
  if (gateway !== null && gateway.webhookCounters !== null) {
    addWebhookSourceMetrics(metrics, gateway.webhookCounters, () => gateway.webhooksWaiting);
  }
  if (publisher !== null) addPublisherMetrics(metrics, publisher);
  if (parts.tracing !== null) addTraceMetrics(metrics, parts.tracing);
  if (parts.worker !== null) addWebhookMetrics(metrics, parts.worker);
  return createAdminServer({
    ...config,
    metrics,
    log,
    reasonsNotReady: () => reasonsNotReady(parts),
    degradations: () => degradations(parts),
  });
}

function addFlowMetrics(metrics: MetricsRegistry, { apps, appCounts, gateway, publisher, lag, natsBus }: Parts): void {
  const [publishes, delivers] = [gateway !== null || publisher !== null, gateway !== null];
  addLagMetrics(metrics, lag, { publishes, delivers });
  if (publishes) addAppMetrics(metrics, { apps: () => apps.all, counts: appCounts, gateway });
  if (gateway !== null) addConnectionMetrics(metrics, gateway);
  if (natsBus !== null) addNatsMetrics(metrics, natsBus);
}

function degradations(parts: Parts): string[] {
  // Not reasons to be taken out of service: no other process reaches the stores either, and everything else goes on.
  const degradations: string[] = [];
  if (!isHistoryAvailable(parts)) {
    degradations.push("the store of histories is away: channels with a history can't be published on");
  }
  const { status } = parts.blocks;
  if (status === "stale") degradations.push("the store of blocks is away: those known here hold, none can be changed");
  if (status === "absent") degradations.push("NATS has no JetStream to keep blocks in: nobody is blocked");
  degradations.push(...overloadOf(parts.gateway, { isOutOfService: false }));
  if (parts.worker?.isQueueAvailable === false) degradations.push("the queue of webhooks is away: none are delivered");
  return degradations;
}

/** Where no channel keeps a history, nobody has to look after the store. */
function isHistoryAvailable({ history, rules }: Parts): boolean {
  return !rules.hasHistory || history.isAvailable;
}

function reasonsNotReady({ bus, blocks, gateway, leaving }: Parts): string[] {
  const reasons: string[] = [];
  if (leaving.hasBegun) reasons.push("the process is shutting down");
  if (bus.status !== "connected") reasons.push("the bus is not connected");
  if (gateway !== null && blocks.status === "loading") reasons.push("the list of blocks is not loaded yet");
  if (gateway?.hasRoom === false) reasons.push("the process holds as many connections as it may");
  reasons.push(...overloadOf(gateway, { isOutOfService: true }));
  return reasons;
}

function addHistoryMetrics(metrics: MetricsRegistry, counters: HistoryCounters): void {
  metrics.counter({
    name: "recoveries_total",
    help: "Subscribes that wanted to recover: recovered, or why not.",
    label: "outcome",
    read: () => counters.recoveries,
  });
  metrics.counter({
    name: "history_reads_total",
    help: "Reads of the store of histories.",
    label: "outcome",
    read: () =>
      new Map([
        ["answered", counters.reads - counters.readFailures],
        ["failed", counters.readFailures],
      ]),
  });
  metrics.counter({
    name: "history_dropped_total",
    help: "Events that this gateway dropped from histories before they were too many or too old: their app had more bytes than it may.",
    label: "reason",
    read: () => new Map([["app_bytes", counters.trimmed]]),
  });
  metrics.counter({
    name: "history_gaps_total",
    help: "Times that events were missing on a channel: repaired before anything later was delivered, or lost, which its clients were told.",
    label: "outcome",
    read: () =>
      new Map([
        ["repaired", counters.repairs],
        ["lost", counters.gaps],
      ]),
  });
}

function addFallbackMetrics(metrics: MetricsRegistry, fallback: Fallback): void {
  metrics.counter({
    name: "fallback_calls_total",
    help: "Calls of clients over HTTP; relayed ones are those whose sessions are on other gateways, and are counted under their kind as well.",
    label: "kind",
    read: () => fallback.calls,
  });
  metrics.gauge({
    name: "fallback_sessions",
    help: "Sessions over HTTP that this node holds, those included that have ended and still have something to fetch.",
    read: () => fallback.size,
  });
  metrics.gauge({
    name: "fallback_relayed",
    help: "Calls over HTTP, and streams, that this node relays to others now.",
    read: () => fallback.relayed,
  });
}

function addClusterMetrics(metrics: MetricsRegistry, cluster: ClusterMembership): void {
  const { counters } = cluster;
  metrics.gauge({
    name: "cluster_nodes",
    help: "Other gateways and publishers that this process knows to live.",
    read: () => cluster.nodes.length,
  });
  metrics.counter({
    name: "cluster_events_total",
    help: "Nodes that were held for lost, questions that some node didn't answer in time, messages that could not be read.",
    label: "event",
    read: () =>
      new Map([
        ["node_lost", counters.nodesLost],
        ["question_incomplete", counters.questionsIncomplete],
        ["message_unreadable", counters.messagesUnreadable],
      ]),
  });
}

function addBlockMetrics(metrics: MetricsRegistry, store: BlockStore, counters: BlockCounters | null): void {
  metrics.gauge({
    name: "blocks",
    help: "Blocks of users and tokens that this process knows, of all apps.",
    read: () => store.size,
  });
  metrics.gauge({
    name: "blocks_available",
    help: "1 while the list of blocks is loaded and followed, otherwise 0.",
    read: () => (store.status === "current" ? 1 : 0),
  });
  if (counters === null) return;
  metrics.counter({
    name: "blocked_total",
    help: "Connections that were ended because a block came; tokens and subscribes that were refused because of one.",
    label: "outcome",
    read: () =>
      new Map([
        ["ended", counters.ended],
        ["refused", counters.refused],
      ]),
  });
}

function addUserQuotaMetrics(metrics: MetricsRegistry, counters: UserQuotaCounters): void {
  metrics.counter({
    name: "user_quota_total",
    help: "Connections over their user's limit: refused when they came, or ended when another gateway had told of older ones.",
    label: "outcome",
    read: () =>
      new Map([
        ["refused", counters.refused],
        ["ended", counters.ended],
      ]),
  });
}

function addPresenceMetrics(metrics: MetricsRegistry, counters: PresenceCounters, members: () => number): void {
  metrics.gauge({
    name: "presence_members",
    help: "Users of this node's connections on presence channels, once for each channel.",
    read: members,
  });
  metrics.counter({
    name: "presence_messages_total",
    help: "Changes among users that were announced to other nodes, heard from them, and told to subscribers; gaps and incomplete answers were mended later.",
    label: "kind",
    read: () =>
      new Map([
        ["announced", counters.deltasSent],
        ["heard", counters.deltasReceived],
        ["told", counters.changesTold],
        ["gap", counters.gaps],
        ["incomplete", counters.pullsIncomplete],
      ]),
  });
}

function addPublisherMetrics(metrics: MetricsRegistry, publisher: Publisher): void {
  const { counters } = publisher;
  metrics.counter({
    name: "publish_requests_total",
    help: "Calls of the publish API, by HTTP status.",
    label: "status",
    read: () => counters.answers,
  });
  metrics.histogram({
    name: "publish_request_seconds",
    help: "Time from a call of the publish API to its answer.",
    boundsSeconds: DURATION_BOUNDS_SECONDS,
    read: () => ({ counts: counters.durations, sumSeconds: counters.durationSumSeconds }),
  });
  metrics.gauge({
    name: "publish_requests_in_flight",
    help: "Calls of the publish API that are being handled.",
    read: () => counters.inFlight,
  });
}
