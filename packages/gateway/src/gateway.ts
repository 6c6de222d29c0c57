import {
  type BlockCounters,
  type HistoryBudgets,
  type HistoryCounters,
  IdleWatch,
  Node,
  type PresenceCounters,
  type ProxyDrainRequest,
  type RebalanceState,
  type SourceCounters,
  type UserQuotaCounters,
} from "@carillon/core";
import { isIdleWatchable } from "@carillon/service";
import { Admission } from "./admission.ts";
import { Departures } from "./departures.ts";
import { Fallback } from "./fallback/fallback.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { createBudgets, createFailureLog, createOverload, createRebalancer } from "./gateway-parts.ts";
import type { Overload, OverloadReason } from "./overload.ts";
import type { ProtocolServices } from "./protocol.ts";
import type { Rebalancer } from "./rebalancer.ts";

/** A client over the frame limit is told so in words; only one far beyond it is cut without. */
const HARD_FRAME_LIMIT_FACTOR = 4;
/**
 * Where the server can't leave that to a watch, it cuts silent connections by itself, up to four seconds before their time is up,
 * as its timer has such a grain; and a watch may be a second late. The ping has been out for two seconds then, at least: from
 * 16 seconds on the server leaves eight for it.
 */
const BEFORE_CUT_MS = 6000;
const SHORTEST_WITH_CODE_SECONDS = 16;
/** One node that holds connections: takes upgrades, and drains when its time has come. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #node: Node;
  readonly #services: ProtocolServices;
  readonly #idle: IdleWatch;
  readonly #stopWatchingApps: () => void;
  readonly #budgets: HistoryBudgets | null;
  readonly #admission: Admission;
  readonly #fallback: Fallback | null;
  readonly #overload: Overload | null;
  readonly #departures: Departures;
  readonly #rebalancer: Rebalancer | null;

  constructor(options: GatewayOptions) {
    const { server, settings, apps, counters, log } = options;
    this.#options = options;
    const { webhooks, ...stands } = options;
    const onRefused = (error: unknown) => log.warn("webhook_queue_refused", { error });
    this.#node = new Node({
      ...stands,
      ...(webhooks === undefined ? {} : { webhooks: { queue: webhooks, apps, onRefused } }),
      topics: {
        publish: (topic, frame, isBinary) => {
          server.publish(topic, frame, isBinary);
          this.#fallback?.listeners.publish(topic, frame);
        },
      },
      codecs: options.protocols.flatMap((protocol) => protocol.codecs),
      lingerMs: settings.lingerMs,
      maxLingeringChannels: settings.maxLingeringChannels,
      coalesceMs: settings.coalesceMs,
      presenceGraceMs: settings.presenceGraceMs,
      // Twice as many as are written at most: frames in MessagePack may be smaller than what they are made of.
      maxPastBytes: Math.max(settings.maxBackpressureBytes, settings.fallback?.bufferBytes ?? 0),
      onInterestFailed: createFailureLog(options, "interest_failed"),
      onHistoryFailed: createFailureLog(options, "history_read_failed"),
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
      now: () => options.clock.now(),
      random: () => options.ids.random(),
      onBug: (error) => log.error("connection_task_failed", { error }),
    };
    this.#stopWatchingApps = apps.onChange(() =>
      this.#node.onAppsChanged((app) => app.settings.enabled && apps.byId(app.id) === app),
    );
    this.#budgets = createBudgets(options, this.historyCounters);
    const random = () => options.ids.random();
    this.#overload = createOverload(options);
    this.#admission = new Admission({
      ...options,
      random,
      hasRoom: () => this.hasRoom,
      overload: () => this.#overload?.reason ?? null,
      services: () => this.#services,
    });
    this.#fallback = this.#createFallback();
    const { connections } = this.#node.services;
    this.#departures = new Departures({
      ...options,
      random,
      sessions: () => connections.all(),
      fallback: () => this.#fallback,
    });
    this.#rebalancer = createRebalancer(options, connections, (session) => this.#departures.askForRebalance(session));
    server.webSocket({
      decide: (request) => this.#admission.decide(request),
      onPublishedToOthers: (topic, frame) => this.#fallback?.listeners.publish(topic, frame),
      maxFrameBytes: settings.maxFrameBytes * HARD_FRAME_LIMIT_FACTOR,
      maxBackpressureBytes: settings.maxBackpressureBytes,
      idleTimeoutSeconds: settings.idleTimeoutSeconds,
      paths: options.protocols.flatMap(({ paths }) => paths),
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

  /** Connections that are open, by how their clients are reached: `websocket`, `sse`, `poll`. */
  get connectionsByTransport(): ReadonlyMap<string, number> {
    const { sse, poll } = this.#fallback?.connections ?? { sse: 0, poll: 0 };
    return new Map([
      ["websocket", this.connections - sse - poll],
      ["sse", sse],
      ["poll", poll],
    ]);
  }

  /** Bytes that wait for clients to take them, and for how many connections. Looks at each: for the metrics endpoint. */
  get backpressure(): { readonly bytes: number; readonly connections: number } {
    let [bytes, connections] = [0, 0];
    for (const { transport } of this.#node.services.connections.all()) {
      const { bufferedBytes } = transport;
      if (bufferedBytes === 0) continue;
      bytes += bufferedBytes;
      connections++;
    }
    return { bytes, connections };
  }

  /** Most connections that it holds. */
  get maxConnections(): number {
    return this.#options.settings.maxConnections;
  }

  /** Connections over HTTP; null where there are none. */
  get fallback(): Fallback | null {
    return this.#fallback;
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
    return this.#admission.isDraining;
  }

  /** True while connections are taken in. */
  get isAccepting(): boolean {
    return this.#admission.isOpen;
  }

  /** What the gateway has too much of to take anybody in, and whether it should be out of service for that; null: of nothing. */
  get overload(): { readonly reason: OverloadReason; readonly isOutOfService: boolean } | null {
    const reason = this.#overload?.reason ?? null;
    return reason === null ? null : { reason, isOutOfService: this.#overload?.isOutOfService === true };
  }

  /** What it is about where it sends clients to gateways that have fewer; null: all stay where they are. */
  get rebalanceState(): RebalanceState | null {
    return this.#rebalancer?.state ?? null;
  }

  /** True while there is room for more connections. */
  get hasRoom(): boolean {
    const { server, settings } = this.#options;
    return server.openSockets + (this.#fallback?.size ?? 0) < settings.maxConnections;
  }

  /**
   * Sends everybody elsewhere: takes no more upgrades, asks the clients to come back over `spreadMs`, and waits until they
   * are gone, or have had two seconds to go. Idempotent.
   */
  async drain(spreadMs: number): Promise<void> {
    if (this.isDraining) return;
    this.#admission.beginDraining();
    this.#rebalancer?.close();
    this.#options.server.stopListening();
    await this.#departures.all(spreadMs);
  }

  /** Asks those who came through a proxy to come back through another one: see {@link Departures.through}. Answers how many they are. */
  drainProxy(request: ProxyDrainRequest): number {
    return this.#departures.through(request);
  }

  /** Tells applications nothing more; resolves when the queue has what is to be told, at the latest after `timeoutMs`. */
  async closeWebhooks(timeoutMs: number): Promise<void> {
    await this.#node.services.webhooks?.close(timeoutMs);
  }

  /** Lets go of the bus and of all timers. The server is closed by whoever made it. Idempotent. */
  close(): void {
    this.#admission.beginDraining();
    this.#stopWatchingApps();
    this.#rebalancer?.close();
    this.#overload?.close();
    this.#fallback?.close();
    this.#budgets?.close();
    this.#idle.close();
    this.#node.close();
  }

  #createFallback(): Fallback | null {
    const { apps, clock, cluster, counters, ids, isOriginAllowed, protocols, server, settings } = this.#options;
    const protocol = protocols.find(({ isServedOverHttp }) => isServedOverHttp === true);
    if (settings.fallback === null || protocol === undefined) return null;
    const maxCatchUpBytes = Math.floor(settings.fallback.bufferBytes / 2);
    const services = { ...this.#services, maxCatchUpBytes };
    return new Fallback({
      server,
      ...(cluster === undefined ? {} : { cluster }),
      nodeId: String(ids.nodeNumber),
      clock,
      counters,
      settings: settings.fallback,
      maxFrameBytes: settings.maxFrameBytes,
      idleTimeoutMs: this.#services.idleTimeoutMs,
      appOf: (key) => (key === null ? apps.first : apps.byKey(key)),
      isOriginAllowed,
      unavailable: () => this.#admission.unavailable(),
      retryAfterSeconds: () => this.#admission.retryAfterSeconds(),
      open: (request) => protocol.accept(request, services).open,
      onBug: this.#services.onBug,
    });
  }
}

/** After which silence a connection is closed with a code. Shorter timeouts leave no time for that: the server cuts first. */
function silenceMs(idleTimeoutSeconds: number): number {
  const idleMs = idleTimeoutSeconds * 1000;
  if (isIdleWatchable(idleTimeoutSeconds)) return idleMs;
  return idleTimeoutSeconds < SHORTEST_WITH_CODE_SECONDS ? 2 * idleMs : idleMs - BEFORE_CUT_MS;
}
