import {
  type App,
  type AppSettings,
  type BlockStore,
  type Bus,
  type ChannelRules,
  type Clock,
  ClusterControl,
  type ClusterLink,
  ClusterMembership,
  createNodeCounters,
  EventPublisher,
  type HistoryLimits,
  type HistoryStore,
  MemoryBackbone,
  MemoryBlockStore,
  MemoryBus,
  MemoryClusterBackbone,
  MemoryClusterLink,
  MemoryHistory,
  type NodeCounters,
  type PublishedEvent,
  type WebhookQueue,
} from "@carillon/core";
import { Gateway, type GatewaySettings, type LoadSource, nativeProtocol, pusherProtocol } from "@carillon/gateway";
import {
  ConfiguredApps,
  type ConnectionTokenClaims,
  createAuthorizer,
  createPublicServer,
  createSilentLogger,
  DEV_APP,
  isOriginAllowed,
  mintConnectionToken,
  type PublicServer,
  randomIds,
  signChannel,
  signUser,
  systemClock,
} from "@carillon/service";

/** What may differ from the defaults. */
export interface TestGatewayOptions {
  /** The apps; default: the development app, whose clients may hurry. */
  readonly apps?: readonly AppSettings[];
  readonly settings?: Partial<GatewaySettings>;
  /** Time, such as a FakeClock's; default: the machine's. */
  readonly clock?: Clock;
  /** The bus; default: one of its own, in this process. Whoever gives one closes it. */
  readonly bus?: Bus;
  /** The store of histories, which goes with `bus`; default: one of its own where the bus is its own. */
  readonly history?: HistoryStore;
  /** Which channels have a history; default: none. */
  readonly rules?: ChannelRules;
  /** Who is kept out; default: a store of its own, in memory. */
  readonly blocks?: BlockStore;
  /** How it reaches the other gateways' processes, which goes with `bus`; default: there are no others. */
  readonly clusterLink?: ClusterLink;
  /** Tells how much the process does and uses; default: never too much. */
  readonly load?: LoadSource;
  /** Takes what the apps' endpoints are to be told; default: they are told nothing. */
  readonly webhooks?: WebhookQueue;
}

/** Rules that give all channels whose name begins so a history, by default of 100 publications and an hour. */
export function historyRules(prefix: string, limits: Partial<HistoryLimits> = {}): ChannelRules {
  const none = { history: null, isCache: false, presenceListUpTo: 1000 };
  const rule = { ...none, history: { messages: 100, maxAgeMs: 3_600_000, ...limits } };
  return { ruleOf: (_appId, channel) => (channel.startsWith(prefix) ? rule : none) };
}

/** The development app with some settings changed. Commands are not limited unless `limits` says so. */
export function testApp(
  changes: Partial<Omit<AppSettings, "limits">> & { limits?: Partial<AppSettings["limits"]> } = {},
): AppSettings {
  return { ...DEV_APP, ...changes, limits: { ...DEV_APP.limits, commandsPerSecond: 0, ...changes.limits } };
}

const SETTINGS: GatewaySettings = {
  maxConnections: 5000,
  maxFrameBytes: 65_536,
  maxBackpressureBytes: 1_048_576,
  idleTimeoutSeconds: 60,
  lingerMs: 0,
  maxLingeringChannels: 1000,
  coalesceMs: 5,
  presenceGraceMs: 3000,
  fallback: { keepMs: 10_000, bufferBytes: 1_048_576, maxRelayed: 1000 },
  rebalance: null,
  overload: { maxEventLoopLagMs: 1000, maxMemoryPercent: 85, maxMemoryBytes: 0, maxOpenFilesPercent: 95 },
};

/** A real gateway in this process: real server on a free port, real sessions, the in-process bus unless another is given. */
export class TestGateway {
  readonly gateway: Gateway;
  readonly apps: ConfiguredApps;
  readonly counters: NodeCounters;
  readonly bus: Bus;
  /** Absent when a bus was given without one. */
  readonly history: HistoryStore | undefined;
  readonly url: string;
  readonly webSocketUrl: string;
  /** Where a Pusher client of the first app connects, query included. */
  readonly pusherUrl: string;
  readonly #server: PublicServer;
  readonly #events: EventPublisher;
  readonly #ownsBus: boolean;
  readonly #cluster: ClusterMembership;

  private constructor(parts: Omit<TestGatewayParts, "port">, port: number) {
    this.gateway = parts.gateway;
    this.apps = parts.apps;
    this.counters = parts.counters;
    this.bus = parts.bus;
    this.history = parts.history;
    this.#server = parts.server;
    this.#events = parts.events;
    this.#ownsBus = parts.ownsBus;
    this.#cluster = parts.cluster;
    this.url = `http://127.0.0.1:${port}`;
    this.webSocketUrl = `ws://127.0.0.1:${port}/ws`;
    this.pusherUrl = `ws://127.0.0.1:${port}/app/${parts.apps.first.settings.key}?protocol=7&client=js&version=8.6.0&flash=false`;
  }

  static async start(options: TestGatewayOptions = {}): Promise<TestGateway> {
    const clock = options.clock ?? systemClock;
    const ids = randomIds();
    const counters = createNodeCounters();
    const log = createSilentLogger();
    const server = createPublicServer({ logger: log, counters });
    const backbone = new MemoryBackbone({ clock });
    const bus = options.bus ?? new MemoryBus(backbone);
    const history =
      options.history ?? (options.bus === undefined ? new MemoryHistory({ backbone, clock, ids }) : undefined);
    const kept = {
      ...(history === undefined ? {} : { history }),
      ...(options.rules === undefined ? {} : { rules: options.rules }),
    };
    const apps = new ConfiguredApps({ settings: options.apps ?? [testApp()] });
    const cluster = new ClusterMembership({
      link: options.clusterLink ?? new MemoryClusterLink(new MemoryClusterBackbone()),
      bus,
      clock,
      nodeId: String(ids.nodeNumber),
      isGateway: true,
      connectionsByApp: () => gateway.connectionsByApp,
      isAccepting: () => gateway.isAccepting,
      onBug: (error) => {
        throw error;
      },
    });
    const gateway: Gateway = new Gateway({
      server,
      bus,
      cluster,
      blocks: options.blocks ?? new MemoryBlockStore({ clock }),
      ...kept,
      ...(options.webhooks === undefined ? {} : { webhooks: options.webhooks }),
      ...(options.load === undefined ? {} : { load: options.load }),
      apps,
      authorizer: createAuthorizer({ clock }),
      isOriginAllowed: (app: App, origin: string) => isOriginAllowed(app.settings.allowedOrigins, origin),
      clock,
      ids,
      counters,
      log,
      settings: { ...SETTINGS, ...options.settings },
      protocols: [nativeProtocol, pusherProtocol],
    });
    const events = new EventPublisher({ bus, ...kept, clock, ids, counters });
    await cluster.start();
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const ownsBus = options.bus === undefined;
    return new TestGateway({ gateway, apps, counters, bus, history, server, events, ownsBus, cluster }, port);
  }

  /** Publishes as a publisher would, with the payload given as a value or, as text, byte for byte. */
  async publish(
    channel: string,
    event: string,
    payload: unknown,
    options: { exclude?: string; raw?: string; isDataText?: true | undefined; wantsReceipt?: true } = {},
  ): Promise<PublishedEvent> {
    const bytes = new TextEncoder().encode(options.raw ?? JSON.stringify(payload));
    const address = { appId: this.apps.first.id, channel };
    const { isDataText, wantsReceipt } = options;
    const result = await this.#events.publish(address, {
      event,
      payload: bytes,
      exclude: options.exclude ?? "",
      ...(isDataText === undefined ? {} : { isDataText }),
      ...(wantsReceipt === undefined ? {} : { wantsReceipt }),
    });
    if (!result.ok) throw new Error(result.message);
    return result.value;
  }

  /** Questions and commands to the whole cluster. */
  get control(): ClusterControl {
    return new ClusterControl(this.#cluster);
  }

  /** A channel token as the first app's auth endpoint would answer it. */
  channelToken(connectionId: string, channel: string, data?: string): string {
    return signChannel(this.apps.first, { connectionId, channel, ...(data === undefined ? {} : { data }) });
  }

  /** A user token as the first app's auth endpoint would answer it. */
  userToken(connectionId: string, data: string): string {
    return signUser(this.apps.first, { connectionId, data });
  }

  /** A connection token as the first app would mint it. */
  connectionToken(claims: ConnectionTokenClaims): Promise<string> {
    return mintConnectionToken(this.apps.first, claims);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cluster.close();
    await this.gateway.closeWebhooks(0);
    this.gateway.close();
    await this.#server.close();
    if (this.#ownsBus) await this.bus.close();
  }
}

interface TestGatewayParts {
  readonly gateway: Gateway;
  readonly apps: ConfiguredApps;
  readonly counters: NodeCounters;
  readonly bus: Bus;
  readonly history: HistoryStore | undefined;
  readonly server: PublicServer;
  readonly events: EventPublisher;
  readonly ownsBus: boolean;
  readonly cluster: ClusterMembership;
  readonly port: number;
}
