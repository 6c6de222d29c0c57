import { accept, type CloseCodeName } from "@carillon/protocol";
import { BlockGuard } from "./blocks/block-guard.ts";
import { ChannelLog } from "./channel-log.ts";
import { ChannelRegistry } from "./channel-registry.ts";
import type { Cluster } from "./cluster/cluster.ts";
import { ConnectionTable } from "./connection-table.ts";
import { GatewayControl } from "./control/gateway-control.ts";
import { isCountAnnouncement } from "./counts/count-announcement.ts";
import { SubscriberCounts } from "./counts/subscriber-counts.ts";
import { EventPublisher } from "./event-publisher.ts";
import { ExpiryWheel } from "./expiry-wheel.ts";
import { HistoryAccess } from "./history-access.ts";
import { createHistoryCounters, type HistoryCounters } from "./history-counters.ts";
import { HistoryKeeper } from "./history-keeper.ts";
import { HistoryReader } from "./history-reader.ts";
import { HistorySweep } from "./history-sweep.ts";
import { Hub } from "./hub.ts";
import { LossNotice } from "./loss-notice.ts";
import type { NodeOptions } from "./node-options.ts";
import type { HistoryServices, NodeServices } from "./node-services.ts";
import type { App } from "./ports/apps.ts";
import type { NodeCounters } from "./ports/metrics.ts";
import { GossipPresence } from "./presence/gossip-presence.ts";
import { isPresenceDelta } from "./presence/presence-delta.ts";
import type { TellerHub } from "./presence/teller.ts";
import { Publishing } from "./publishing.ts";
import { Receipts } from "./receipts.ts";
import { Recovery } from "./recovery.ts";
import { Session, type SessionOptions } from "./session.ts";
import { Subscribing } from "./subscribing.ts";
import { tracedSink } from "./traced-sink.ts";
import { ONLINE_CHANNEL, OnlineUsers } from "./users/online-users.ts";
import { UserQuota } from "./users/user-quota.ts";
import { WebhookSources } from "./webhooks/webhook-sources.ts";

/** A session, or the close code that says why there is none. */
export type OpenResult =
  | { readonly ok: true; readonly value: Session }
  | { readonly ok: false; readonly close: CloseCodeName };

/** The domain of one gateway: its sessions, its channels, and the fan-out between them. */
export class Node {
  readonly services: NodeServices;
  readonly historyCounters: HistoryCounters = createHistoryCounters();
  readonly #counters: NodeCounters;
  readonly #cluster: Cluster | undefined;
  readonly #counts: SubscriberCounts | null;
  readonly #sweep: HistorySweep | null;
  readonly #lossNotice: LossNotice;
  readonly #stopWatchingBus: readonly (() => void)[];

  constructor(options: NodeOptions) {
    const { bus, clock, ids, counters, authorizer } = options;
    const connections = new ConnectionTable(ids.nodeNumber);
    const hub = new Hub({
      ...options,
      connections,
      onSubscribersChanged: (app, channel) => counts?.changed(app, channel),
      onReceiptWanted: (channel, messageId, connections) => receipts?.delivered(channel, messageId, connections),
    });
    const history = this.#createHistory(options, hub);
    const presence = createPresence(options, {
      announcePresence: (channel, change) => {
        if (channel.channel === ONLINE_CHANNEL) online.changed(channel, change);
        else hub.announcePresence(channel, change);
      },
    });
    const counts = createCounts(options, hub);
    const channels = new ChannelRegistry({
      bus,
      clock,
      sink: tracedSink((channel, envelope, stamp) => {
        const { log } = channel;
        if (presence !== null && isPresenceDelta(envelope)) presence.receive(channel, envelope);
        else if (counts !== null && isCountAnnouncement(envelope)) counts.receive(channel, envelope);
        else {
          options.lag?.noteReceived(envelope);
          if (log === null || history === null) hub.deliver(channel, envelope);
          else history.keeper.receive({ channel, log }, envelope, stamp);
        }
      }, options),
      createLog: (appId, channel) => {
        const rule = history === null ? undefined : options.rules?.ruleOf(appId, channel);
        return rule == null || rule.history === null ? null : new ChannelLog(rule.history, rule.isCache);
      },
      onReleased: (channel) => {
        presence?.release(channel);
        counts?.release(channel);
      },
      lingerMs: options.lingerMs,
      maxLingering: options.maxLingeringChannels,
      onFailure: options.onInterestFailed,
    });
    const online = new OnlineUsers({ channels, presence });
    const { cluster } = options;
    const receipts = cluster === undefined ? null : new Receipts({ cluster, clock, channels });
    const blocks =
      options.blocks === undefined ? null : new BlockGuard({ store: options.blocks, connections, cluster });
    const quota = new UserQuota({ cluster, bus, clock });
    const events = new EventPublisher(options);
    const webhooks = createWebhooks(options);
    const expiries = new ExpiryWheel<Session>({ clock, onExpired: (session) => session.onTokenDue() });
    this.services = {
      clock,
      authorizer,
      connections,
      channels,
      hub,
      events,
      history,
      presence,
      quota,
      blocks,
      receipts,
      expiries,
      webhooks,
      online,
      subscribing: new Subscribing(() => this.services),
      publishing: new Publishing(() => this.services),
    };
    if (options.cluster !== undefined) new GatewayControl(options.cluster, this.services);
    this.#counters = counters;
    this.#cluster = options.cluster;
    this.#counts = counts;
    this.#sweep =
      history === null
        ? null
        : new HistorySweep({ ...history, clock, channels: () => channels.all(), random: () => ids.random() });
    this.#lossNotice = new LossNotice({ hub, clock, channels: () => channels.all() });
    this.#stopWatchingBus = this.#watchBus(options);
  }

  /** Opens a session, where its app and the app's limits allow one. */
  openSession(options: SessionOptions): OpenResult {
    const { app } = options;
    const refusal = this.#refusalOf(app);
    if (refusal !== null) return { ok: false, close: refusal };
    const session = new Session(this.services, options);
    this.services.connections.add(session);
    this.#counters.connectionsOpened++;
    return accept(session);
  }

  /** Closes the sessions of apps that have been disabled or removed. `isServed` says which ones still are. */
  endUnserved(isServed: (app: App) => boolean): void {
    for (const session of this.services.connections.all()) {
      if (!isServed(session.app)) session.end("app_disabled");
    }
  }

  /** The settings of apps have changed. */
  onAppsChanged(isServed: (app: App) => boolean): void {
    this.endUnserved(isServed);
    this.services.webhooks?.recount(this.services.connections.all());
  }

  /** Lets go of all interest and timers. Sessions must have ended before. */
  close(): void {
    for (const stop of this.#stopWatchingBus) stop();
    this.#sweep?.close();
    this.#lossNotice.close();
    this.services.history?.keeper.close();
    this.services.presence?.close();
    void this.services.webhooks?.close(0);
    this.#counts?.close();
    this.services.blocks?.close();
    this.services.quota.close();
    this.services.receipts?.close();
    this.services.channels.close();
    this.services.expiries.close();
    this.services.hub.close();
  }

  /** What the bus has lost is looked for: after a cut at once, for nothing is sure until then. */
  #watchBus({ bus, clock }: NodeOptions): readonly (() => void)[] {
    const { history, channels } = this.services;
    let cutAtMs = clock.monotonic();
    return [
      bus.onStatus((status) => {
        if (status === "disconnected") cutAtMs = clock.monotonic();
        if (status !== "connected") return;
        this.#lossNotice.begin();
        history?.keeper.suspectAll(channels.all());
        this.#sweep?.beginNow(clock.monotonic() - cutAtMs + CUT_NOTICED_MS);
      }),
      bus.onDoubt((lossMs) => this.#sweep?.begin(lossMs)),
    ];
  }

  #refusalOf(app: App): CloseCodeName | null {
    if (!app.settings.enabled) return "app_disabled";
    const { connections } = app.settings.limits;
    if (connections === 0) return null;
    const elsewhere = this.#cluster?.connectionsElsewhere(app.id) ?? 0;
    return this.services.connections.countOf(app) + elsewhere >= connections ? "connection_limit" : null;
  }

  #createHistory(
    { history: store, rules, clock, ids, maxPastBytes, onHistoryFailed }: NodeOptions,
    hub: Hub,
  ): HistoryServices | null {
    if (store === undefined || rules === undefined) return null;
    const counters = this.historyCounters;
    const reader = new HistoryReader({ store, counters });
    const keeper = new HistoryKeeper({
      reader,
      hub,
      clock,
      random: () => ids.random(),
      counters,
      maxPastBytes,
      onFailure: onHistoryFailed ?? (() => undefined),
    });
    const recovery = new Recovery({ reader, keeper, clock, counters, maxPastBytes });
    return { reader, keeper, recovery, access: new HistoryAccess({ reader, rules }) };
  }
}

/** A cut connection is noticed within this time. */
const CUT_NOTICED_MS = 30_000;

const DEFAULT_PRESENCE_GRACE_MS = 3000;
const DEFAULT_PRESENCE_LIST_UP_TO = 1000;

function createCounts({ bus, cluster, clock }: NodeOptions, hub: Hub): SubscriberCounts | null {
  if (cluster === undefined) return null;
  return new SubscriberCounts({ bus, cluster, clock, tell: (channel, count) => hub.announceCount(channel, count) });
}

function createPresence(
  { bus, cluster, clock, presenceGraceMs, rules }: NodeOptions,
  hub: TellerHub,
): GossipPresence | null {
  if (cluster === undefined) return null;
  return new GossipPresence({
    bus,
    cluster,
    hub,
    clock,
    graceMs: presenceGraceMs ?? DEFAULT_PRESENCE_GRACE_MS,
    listUpTo: ({ appId, channel }) =>
      channel === ONLINE_CHANNEL
        ? Number.POSITIVE_INFINITY
        : (rules?.ruleOf(appId, channel).presenceListUpTo ?? DEFAULT_PRESENCE_LIST_UP_TO),
  });
}

function createWebhooks({ webhooks, cluster, bus, clock, ids }: NodeOptions): WebhookSources | null {
  if (webhooks === undefined || cluster === undefined) return null;
  return new WebhookSources({ ...webhooks, cluster, bus, clock, random: () => ids.random() });
}
