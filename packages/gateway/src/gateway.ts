import {
  type App,
  type AppRegistry,
  type Authorizer,
  type BlockCounters,
  type BlockStore,
  type Bus,
  type Channel,
  type ChannelRules,
  type Clock,
  type Cluster,
  countBy,
  drainSessions,
  HistoryBudgets,
  type HistoryCounters,
  type HistoryStore,
  IdleWatch,
  type IdSource,
  Node,
  type NodeCounters,
  type PresenceCounters,
  type SourceCounters,
  type UserQuotaCounters,
  type WebhookQueue,
} from "@carillon/core";
import {
  isIdleWatchable,
  type Logger,
  type PublicServer,
  problem,
  type UpgradeDecision,
  type UpgradeRequest,
} from "@carillon/service";
import type { Protocol, ProtocolServices } from "./protocol.ts";

/** The limits and times of a gateway. */
export interface GatewaySettings {
  /** Most WebSockets of all apps together; further ones get 503. Keep it below the open-file limit. */
  readonly maxConnections: number;
  /** Longest frame of a client that is handled, in bytes. */
  readonly maxFrameBytes: number;
  /** Unsent bytes at which a connection is cut as a slow consumer. */
  readonly maxBackpressureBytes: number;
  /** Silence after which a connection is closed. Whole seconds, 8 to 960. */
  readonly idleTimeoutSeconds: number;
  /** How long interest in a channel outlives its last subscriber here, in ms. */
  readonly lingerMs: number;
  /** Most channels that linger at a time. */
  readonly maxLingeringChannels: number;
  /** How long a user whose last connection broke is still on presence channels, in ms. */
  readonly presenceGraceMs: number;
}

/** What a gateway stands on. */
export interface GatewayOptions {
  readonly server: PublicServer;
  readonly bus: Bus;
  /** The store of histories. Absent, as without `rules`: no channel has one. */
  readonly history?: HistoryStore;
  /** Says which channels have a history. */
  readonly rules?: ChannelRules;
  /** Who is kept out. Absent: nobody. */
  readonly blocks?: BlockStore;
  /** The processes of the cluster; is started after the gateway was made. Absent: presence channels tell nobody who is there. */
  readonly cluster?: Cluster;
  /** Takes what applications are to be told. Wants a `cluster`. Absent: they are told nothing. */
  readonly webhooks?: WebhookQueue;
  readonly apps: AppRegistry;
  readonly authorizer: Authorizer;
  readonly isOriginAllowed: (app: App, origin: string) => boolean;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly counters: NodeCounters;
  readonly log: Logger;
  readonly settings: GatewaySettings;
  /** In the order in which they are asked whether an upgrade is theirs. */
  readonly protocols: readonly Protocol[];
}

/** A client over the frame limit is told so in words; only one far beyond it is cut without. */
const HARD_FRAME_LIMIT_FACTOR = 4;
const CLOSE_GRACE_MS = 2000;
/**
 * Where the server can't leave that to a watch, it cuts silent connections by itself, up to four seconds before their time is up,
 * as its timer has such a grain; and a watch may be a second late. The ping has been out for two seconds then, at least: from
 * 16 seconds on the server leaves eight for it.
 */
const BEFORE_CUT_MS = 6000;
const SHORTEST_WITH_CODE_SECONDS = 16;
const RETRY_AFTER_SECONDS = "2";

/** How refused upgrades are counted. */
const REFUSAL_REASONS = { draining: "draining", overloaded: "capacity", blocks_unavailable: "blocks" } as const;

/** One node that holds connections: takes upgrades, and drains when its time has come. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #node: Node;
  readonly #services: ProtocolServices;
  readonly #idle: IdleWatch;
  readonly #stopWatchingApps: () => void;
  readonly #budgets: HistoryBudgets | null;
  #isDraining = false;

  constructor(options: GatewayOptions) {
    const { server, settings, apps, counters, log } = options;
    this.#options = options;
    const { webhooks, ...stands } = options;
    const onRefused = (error: unknown) => log.warn("webhook_queue_refused", { error });
    this.#node = new Node({
      ...stands,
      ...(webhooks === undefined ? {} : { webhooks: { queue: webhooks, apps, onRefused } }),
      topics: server,
      codecs: options.protocols.flatMap((protocol) => protocol.codecs),
      lingerMs: settings.lingerMs,
      maxLingeringChannels: settings.maxLingeringChannels,
      presenceGraceMs: settings.presenceGraceMs,
      onInterestFailed: (channel: Channel, error: unknown) =>
        log.warn("interest_failed", { app: channel.appId, error }),
      onHistoryFailed: (channel: Channel, error: unknown) =>
        log.warn("history_read_failed", { app: channel.appId, error }),
    });
    this.#idle = new IdleWatch({ clock: options.clock, timeoutMs: silenceMs(settings.idleTimeoutSeconds) });
    this.#services = {
      node: this.#node,
      apps,
      counters,
      isOriginAllowed: options.isOriginAllowed,
      maxFrameBytes: settings.maxFrameBytes,
      // The other half is for what is published while the client reads what it missed.
      maxCatchUpBytes: Math.floor(settings.maxBackpressureBytes / 2),
      idleTimeoutMs: settings.idleTimeoutSeconds * 1000,
      idle: this.#idle,
      random: () => options.ids.random(),
      onBug: (error) => log.error("connection_task_failed", { error }),
    };
    this.#stopWatchingApps = apps.onChange(() =>
      this.#node.onAppsChanged((app) => app.settings.enabled && apps.byId(app.id) === app),
    );
    this.#budgets = this.#createBudgets();
    server.webSocket({
      decide: (request) => this.#decide(request),
      maxFrameBytes: settings.maxFrameBytes * HARD_FRAME_LIMIT_FACTOR,
      maxBackpressureBytes: settings.maxBackpressureBytes,
      idleTimeoutSeconds: settings.idleTimeoutSeconds,
      watchedPaths: options.protocols.flatMap(({ watchedPaths = [] }) => watchedPaths),
    });
  }

  /** Sessions that are open now. */
  get connections(): number {
    return this.#node.services.connections.size;
  }

  /** Channels with interest on the bus now, lingering ones included. */
  get channels(): number {
    return this.#node.services.channels.size;
  }

  /** Subscriptions that stand now: one for each connection and channel. */
  get subscriptions(): number {
    return this.#node.services.hub.subscriptions;
  }

  /** Connections by app; apps without any are left out. */
  get connectionsByApp(): ReadonlyMap<string, number> {
    return this.#node.services.connections.countsByApp;
  }

  /** Users of this gateway's connections on presence channels, once for each channel. */
  get presenceMembers(): number {
    return this.#node.services.presence?.members ?? 0;
  }

  /** What this gateway has counted about presence; null where nobody is told of it. */
  get presenceCounters(): PresenceCounters | null {
    return this.#node.services.presence?.counters ?? null;
  }

  /** What this gateway has counted about the events that it tells applications of; null where they are told nothing. */
  get webhookCounters(): SourceCounters | null {
    return this.#node.services.webhooks?.counters ?? null;
  }

  /** Events that wait for the queue of webhooks. */
  get webhooksWaiting(): number {
    return this.#node.services.webhooks?.waiting ?? 0;
  }

  /** What this gateway has done about blocks; null where nobody can be blocked. */
  get blockCounters(): BlockCounters | null {
    return this.#node.services.blocks?.counters ?? null;
  }

  /** What this gateway has done about users with too many connections. */
  get userQuotaCounters(): UserQuotaCounters {
    return this.#node.services.quota.counters;
  }

  /** What this gateway has counted about histories. */
  get historyCounters(): HistoryCounters {
    return this.#node.historyCounters;
  }

  /** Whether the gateway has begun to drain. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** True while there is room for more connections. */
  get hasRoom(): boolean {
    return this.#options.server.openSockets < this.#options.settings.maxConnections;
  }

  /**
   * Sends everybody elsewhere: takes no more upgrades, asks the clients to come back over `spreadMs`, and waits until they
   * are gone, or have had two seconds to go. Idempotent.
   */
  async drain(spreadMs: number): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    const { clock, ids, server } = this.#options;
    server.stopListening();
    const sessions = this.#node.services.connections.all();
    await drainSessions(sessions, { clock, random: () => ids.random(), spreadMs });
    const deadlineMs = clock.monotonic() + CLOSE_GRACE_MS;
    while (server.openSockets > 0 && clock.monotonic() < deadlineMs) {
      await new Promise<void>((resolve) => clock.after(10, resolve));
    }
  }

  /** Tells applications nothing more; resolves when the queue has what is to be told, at the latest after `timeoutMs`. */
  async closeWebhooks(timeoutMs: number): Promise<void> {
    await this.#node.services.webhooks?.close(timeoutMs);
  }

  /** Lets go of the bus and of all timers. The server is closed by whoever made it. Idempotent. */
  close(): void {
    this.#isDraining = true;
    this.#stopWatchingApps();
    this.#budgets?.close();
    this.#idle.close();
    this.#node.close();
  }

  #createBudgets(): HistoryBudgets | null {
    const { history: store, cluster, apps, clock, ids, log } = this.#options;
    if (store === undefined || cluster === undefined) return null;
    return new HistoryBudgets({
      store,
      cluster,
      apps,
      clock,
      random: () => ids.random(),
      counters: this.historyCounters,
      onTrimmed: (app, usage) => log.info("history_trimmed", { app, ...usage }),
      onFailure: (app, error) => log.warn("history_trim_failed", { app, error }),
    });
  }

  #decide(request: UpgradeRequest): UpgradeDecision {
    if (this.#isDraining) return this.#refuse("draining", "this node is shutting down: connect again, to another one");
    if (!this.hasRoom) return this.#refuse("overloaded", "this node holds as many connections as it may: try again");
    if (this.#options.blocks?.status === "loading") {
      return this.#refuse(
        "blocks_unavailable",
        "this node does not know yet who is blocked: try again, or another one",
      );
    }
    const protocol = this.#options.protocols.find((each) => each.matches(request));
    if (protocol === undefined) {
      countBy(this.#options.counters.upgradesRefused, "path");
      return {
        kind: "refuse",
        answer: problem(
          "not_found",
          "no WebSocket is served here: /ws is the native protocol's, /app/KEY that of Pusher clients",
        ),
      };
    }
    return { kind: "accept", ...protocol.accept(request, this.#services) };
  }

  #refuse(code: keyof typeof REFUSAL_REASONS, detail: string): UpgradeDecision {
    countBy(this.#options.counters.upgradesRefused, REFUSAL_REASONS[code]);
    return { kind: "refuse", answer: problem(code, detail, { "retry-after": RETRY_AFTER_SECONDS }) };
  }
}

/** After which silence a connection is closed with a code. Shorter timeouts leave no time for that: the server cuts first. */
function silenceMs(idleTimeoutSeconds: number): number {
  const idleMs = idleTimeoutSeconds * 1000;
  if (isIdleWatchable(idleTimeoutSeconds)) return idleMs;
  return idleTimeoutSeconds < SHORTEST_WITH_CODE_SECONDS ? 2 * idleMs : idleMs - BEFORE_CUT_MS;
}
