import {
  type App,
  AppCounts,
  BlockControl,
  type BlockStore,
  type Bus,
  type Cluster,
  ClusterControl,
  ClusterMembership,
  createNodeCounters,
  DeliveryLag,
  type HistoryStore,
  type NodeCounters,
  type WebhookQueue,
} from "@carillon/core";
import { Gateway, type GatewaySettings, nativeProtocol, pusherProtocol } from "@carillon/gateway";
import type { NatsBus } from "@carillon/nats";
import { Publisher } from "@carillon/publisher";
import {
  type Config,
  type ConfigRole,
  ConfiguredApps,
  ConfiguredChannelRules,
  type ConfigWatch,
  createAuthorizer,
  createPublicServer,
  type GatewayConfig,
  isOriginAllowed,
  type Logger,
  openFileLimit,
  ProcessLoad,
  type PublicServer,
  type PublisherConfig,
  randomIds,
  systemClock,
} from "@carillon/service";
import { WebhookWorker } from "@carillon/webhooks";
import { startBackbone } from "./backbone.ts";
import type { Closing } from "./closing.ts";
import { demoRoutes } from "./demo-routes.ts";
import { Leaving } from "./leaving.ts";
import { answerProxyDrains } from "./proxy-drains.ts";
import { startTracing } from "./tracing/start-tracing.ts";
import type { Tracing } from "./tracing/tracing.ts";
import { watchFiles } from "./watch-files.ts";
import { webhookSettings } from "./webhook-settings.ts";

/** What one process of Carillon is made from. */
export interface ProcessOptions {
  readonly role: ConfigRole;
  readonly config: Config;
  readonly log: Logger;
  /** Reads the configuration again; absent: it is never reloaded. */
  readonly reload?: () => Promise<Config>;
}

/** The parts of a process. Which there are depends on the role. */
export interface Parts {
  readonly counters: NodeCounters;
  readonly appCounts: AppCounts;
  readonly lag: DeliveryLag;
  readonly apps: ConfiguredApps;
  /** Which channels keep a history. */
  readonly rules: ConfiguredChannelRules;
  readonly bus: Bus;
  /** The same, with what only NATS has; null where there is none. */
  readonly natsBus: NatsBus | null;
  readonly history: HistoryStore;
  /** Who is kept out. */
  readonly blocks: BlockStore;
  /** The processes that this one works with. */
  readonly cluster: ClusterMembership;
  /** null where nothing is served but to operators. */
  readonly server: PublicServer | null;
  readonly gateway: Gateway | null;
  readonly publisher: Publisher | null;
  readonly worker: WebhookWorker | null;
  readonly watch: ConfigWatch | null;
  /** null where nothing is traced. */
  readonly tracing: Tracing | null;
  readonly leaving: Leaving;
  readonly closing: Closing;
}

/** Most connections where the system doesn't tell its limit of open files. */
const FALLBACK_MAX_CONNECTIONS = 10_000;

/** How long what applications are still to be told may take to reach the queue, in ms. */
const WEBHOOK_CLOSE_MS = 5000;

/** How long a start waits for the list of blocks, in ms. Without it a gateway listens, and takes nobody in. */
const BLOCKS_WITHIN_MS = 5000;

const NO_CONNECTIONS: ReadonlyMap<string, number> = new Map();

/** Share of the open-file limit that connections may take: at the limit uWebSockets.js spins on a core. */
const SHARE_OF_OPEN_FILES = 0.9;

/** Makes and connects the parts of a role, and notes in `closing` how to undo each. Nothing listens yet. */
export async function startParts(options: ProcessOptions, closing: Closing): Promise<Parts> {
  const { config, log, role } = options;
  for (const warning of config.warnings) log.warn("config_warning", { ...warning });
  const counters = createNodeCounters();
  const clock = systemClock;
  const appCounts = new AppCounts();
  const lag = new DeliveryLag(clock);
  const ids = randomIds();
  const apps = new ConfiguredApps({ settings: config.apps });
  const tracing = await startTracing({ config: config.tracing, role, nodeId: String(ids.nodeNumber), log });
  closing.push("traces", () => tracing?.close());

  const { bus, natsBus, natsSecrets, history, blocks, webhooks, clusterLink, ceiling } = await startBackbone({
    config,
    role,
    log,
    ids,
  });
  closing.push("bus", () => bus.close());
  closing.push("webhook queue", () => webhooks.close());
  closing.push("bus log", logStatusOf(bus, log));
  const rules = new ConfiguredChannelRules({ rules: config.channels, ...(ceiling === null ? {} : { ceiling }) });
  const server =
    role === "webhooks"
      ? null
      : createPublicServer({ logger: log, counters, clientAddress: config.gateway.clientAddress });
  closing.push("server", () => server?.close());

  const shared = { webhooks, bus, history, blocks, rules, apps, clock, ids, counters, appCounts, lag, log };
  const leaving = new Leaving();
  let connectionsByApp: () => ReadonlyMap<string, number> = () => NO_CONNECTIONS;
  let isAccepting = () => false;
  const cluster = new ClusterMembership({
    link: clusterLink,
    bus,
    clock,
    nodeId: String(ids.nodeNumber),
    isGateway: role === "dev" || role === "gateway",
    connectionsByApp: () => connectionsByApp(),
    isAccepting: () => isAccepting(),
    onBug: (error) => log.error("cluster_handler_failed", { error }),
  });
  const hasGateway = server !== null && (role === "dev" || role === "gateway");
  const { tracer } = tracing ?? {};
  const gateway = hasGateway
    ? startGateway({ ...shared, server, cluster, tracer, load: startLoad(options, closing) }, config.gateway)
    : null;
  if (gateway !== null) {
    connectionsByApp = () => gateway.connectionsByApp;
    // For as long as load balancers go on sending clients they are taken in, but nobody is sent here any more.
    isAccepting = () => !leaving.hasBegun && gateway.isAccepting;
    closing.push("gateway", () => gateway.close());
    closing.push("webhook events", () => gateway.closeWebhooks(WEBHOOK_CLOSE_MS));
    closing.push("proxy drains", answerProxyDrains({ natsBus, gateway, cluster, log }));
  }
  closing.push("cluster log", logMembersOf(cluster, log));
  closing.push("cluster", () => cluster.close());
  await cluster.start();
  // Who it is about hears of it: the gateway is there.
  blocks.follow();
  await blocks.whenLoaded(BLOCKS_WITHIN_MS);
  const hasPublisher = server !== null && (role === "dev" || role === "publisher");
  const publisher = hasPublisher ? startPublisher({ ...shared, server, cluster, tracer }, config.publisher) : null;
  if (role === "dev") for (const route of demoRoutes(apps.first)) server?.route(route);
  const worker = role === "dev" || role === "webhooks" ? startWorker(shared, config) : null;
  closing.push("webhook worker", () => worker?.stop());

  const { reload: load } = options;
  const watch = load === undefined ? null : watchFiles({ config, load, natsSecrets, apps, rules, log });
  if (watch !== null) closing.push("configuration watch", () => watch.close());
  return {
    counters,
    appCounts,
    lag,
    apps,
    rules,
    bus,
    natsBus,
    history,
    blocks,
    cluster,
    server,
    gateway,
    publisher,
    worker,
    watch,
    tracing,
    leaving,
    closing,
  };
}

function logStatusOf(bus: Bus, log: Logger): () => void {
  return bus.onStatus((status) => {
    if (status === "disconnected") log.warn("bus_disconnected");
    else log.info(`bus_${status}`);
  });
}

type Shared = Pick<Parts, "bus" | "history" | "blocks" | "rules" | "apps" | "counters" | "appCounts" | "lag"> & {
  readonly clock: typeof systemClock;
  readonly ids: ReturnType<typeof randomIds>;
  readonly log: Logger;
  readonly webhooks: WebhookQueue;
};

/** What serves the public stands on as well. */
type Served = Shared & {
  readonly server: PublicServer;
  readonly cluster: Cluster;
  /** Undefined: nothing is traced. */
  readonly tracer: Tracing["tracer"] | undefined;
};

function startWorker(shared: Shared, config: Config): WebhookWorker {
  const { apps, clock, ids, log, webhooks: queue } = shared;
  const settings = webhookSettings(config.webhooks);
  const worker = new WebhookWorker({ queue, apps, clock, random: () => ids.random(), log, settings });
  worker.start();
  return worker;
}

function startLoad({ role, config }: ProcessOptions, closing: Closing): ProcessLoad {
  const load = new ProcessLoad(systemClock, role === "gateway" ? config.gateway.workers : 1);
  closing.push("load", () => load.close());
  return load;
}

function startGateway({ tracer, ...shared }: Served & { readonly load: ProcessLoad }, config: GatewayConfig): Gateway {
  return new Gateway({
    ...shared,
    // What clients publish begins no trace, so nothing here records publishes.
    ...(tracer === undefined ? {} : { deliveryTracer: tracer }),
    authorizer: createAuthorizer({ clock: shared.clock }),
    isOriginAllowed: (app: App, origin: string) => isOriginAllowed(app.settings.allowedOrigins, origin),
    settings: gatewaySettings(config),
    protocols: [nativeProtocol, pusherProtocol],
  });
}

function startPublisher({ tracer, ...shared }: Served, settings: PublisherConfig): Publisher {
  const { cluster, blocks: store, clock } = shared;
  const control = new ClusterControl(cluster);
  const blocks = new BlockControl({ store, cluster, clock });
  return new Publisher({
    ...shared,
    control,
    blocks,
    settings,
    ...(tracer === undefined ? {} : { publishTracer: tracer }),
  });
}

function logMembersOf(cluster: ClusterMembership, log: Logger): () => void {
  const stops = [
    cluster.onAppeared(({ id }) => log.info("node_appeared", { node: id })),
    cluster.onGone(({ id }, departure) =>
      departure === "left" ? log.info("node_left", { node: id }) : log.warn("node_lost", { node: id }),
    ),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function gatewaySettings(config: GatewayConfig): GatewaySettings {
  const { fallback, maxFrameBytes, maxBackpressureBytes, idleTimeoutSeconds, maxLingeringChannels, coalesceMs } =
    config;
  const { enabled: isRebalancing, intervalSeconds, ...rebalance } = config.rebalance;
  const { keepSeconds, bufferBytes, maxRelayed } = fallback;
  return {
    maxConnections: config.maxConnections === 0 ? connectionsThatFit() : config.maxConnections,
    maxFrameBytes,
    maxBackpressureBytes,
    idleTimeoutSeconds,
    lingerMs: config.lingerSeconds * 1000,
    maxLingeringChannels,
    coalesceMs,
    presenceGraceMs: config.presence.graceSeconds * 1000,
    fallback: fallback.enabled ? { keepMs: keepSeconds * 1000, bufferBytes, maxRelayed } : null,
    rebalance: isRebalancing ? { ...rebalance, intervalMs: intervalSeconds * 1000 } : null,
    overload: config.admission,
  };
}

/** How many connections leave enough of the open-file limit for everything else. */
export function connectionsThatFit(): number {
  const limit = openFileLimit();
  if (limit === null || !Number.isFinite(limit)) return FALLBACK_MAX_CONNECTIONS;
  return Math.floor(limit * SHARE_OF_OPEN_FILES);
}
