import {
  type AppSettings,
  BlockControl,
  type BlockStore,
  type Bus,
  type ChannelRules,
  type Clock,
  ClusterControl,
  type ClusterLink,
  ClusterMembership,
  createNodeCounters,
  type HistoryStore,
  type IdSource,
  MemoryBackbone,
  MemoryBlockStore,
  MemoryBus,
  MemoryClusterBackbone,
  MemoryClusterLink,
  MemoryHistory,
  type NodeCounters,
} from "@carillon/core";
import {
  ConfiguredApps,
  ConfiguredChannelRules,
  createPublicServer,
  createSilentLogger,
  systemClock,
} from "@carillon/service";
import { Publisher } from "../../src/index.ts";
import { appSettings } from "./apps.ts";
import { type Received, Recorder } from "./recorder.ts";

export interface RunOptions {
  readonly apps?: readonly AppSettings[];
  /** In place of the in-process bus. */
  readonly bus?: Bus;
  /** Default: in memory. */
  readonly history?: HistoryStore;
  /** Default: no channel has a history. */
  readonly rules?: ChannelRules;
  /** How it reaches gateways; default: there are none. */
  readonly clusterLink?: ClusterLink;
  /** Who is kept out; default: a store of its own, in memory. */
  readonly blocks?: BlockStore;
  readonly clock?: Clock;
  readonly maxBodyBytes?: number;
}

/** The publish secret of the app `shop`, which is there unless a test says otherwise. */
export const SECRET = "publish-secret-of-shop";

/** A publisher on a real server and an in-process bus. Ends with `await using`. */
export class RunningPublisher {
  readonly publisher: Publisher;
  readonly apps: ConfiguredApps;
  readonly counters: NodeCounters;
  readonly memoryBus: MemoryBus;
  readonly port: number;
  readonly #close: () => Promise<void>;

  private constructor(
    parts: Omit<RunningPublisher, "url" | "post" | "get" | "record" | typeof Symbol.asyncDispose>,
    close: () => Promise<void>,
  ) {
    this.publisher = parts.publisher;
    this.apps = parts.apps;
    this.counters = parts.counters;
    this.memoryBus = parts.memoryBus;
    this.port = parts.port;
    this.#close = close;
  }

  static async start(options: RunOptions = {}): Promise<RunningPublisher> {
    const log = createSilentLogger();
    const counters = createNodeCounters();
    const server = createPublicServer({ logger: log, counters });
    const backbone = new MemoryBackbone({ clock: systemClock });
    const memoryBus = new MemoryBus(backbone);
    const ids = countingIds();
    const apps = new ConfiguredApps({ settings: options.apps ?? [appSettings("shop")] });
    const cluster = new ClusterMembership({
      link: options.clusterLink ?? new MemoryClusterLink(new MemoryClusterBackbone()),
      bus: memoryBus,
      clock: systemClock,
      nodeId: "publisher",
      isGateway: false,
      connectionsByApp: () => new Map(),
      onBug: (error) => {
        throw error;
      },
    });
    await cluster.start();
    const publisher = new Publisher({
      control: new ClusterControl(cluster),
      blocks: new BlockControl({
        store: options.blocks ?? new MemoryBlockStore({ clock: options.clock ?? systemClock }),
        cluster,
        clock: options.clock ?? systemClock,
      }),
      server,
      bus: options.bus ?? memoryBus,
      history: options.history ?? new MemoryHistory({ backbone, clock: systemClock, ids }),
      rules: options.rules ?? new ConfiguredChannelRules({ rules: [] }),
      apps,
      clock: options.clock ?? systemClock,
      ids,
      counters,
      log,
      settings: { maxBodyBytes: options.maxBodyBytes ?? 65_536 },
    });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    return new RunningPublisher({ publisher, apps, counters, memoryBus, port }, async () => {
      await server.close();
      cluster.close();
      await memoryBus.close();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Calls with the secret of `shop`; `body` is sent as JSON unless it is text or bytes. */
  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const isRaw = typeof body === "string" || body instanceof Uint8Array;
    return fetch(this.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", "x-publish-secret": SECRET, ...headers },
      body: isRaw ? (body as BodyInit) : JSON.stringify(body),
    });
  }

  /** Calls with the secret of `shop`, unless `headers` has another one. */
  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(this.url + path, { headers: { "x-publish-secret": SECRET, ...headers } });
  }

  /** What is received on these channels from now on, in order. */
  async record(...channels: readonly string[]): Promise<Received[]> {
    const received: Received[] = [];
    for (const channel of channels) await this.memoryBus.subscribe(new Recorder("shop", channel, received));
    return received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

/** Rules that keep the newest `messages` of channels that match, for an hour. */
export function historyOf(match: string, messages = 100): ChannelRules {
  return new ConfiguredChannelRules({
    rules: [{ match, apps: [], history: { messages, maxAgeMs: 3_600_000 }, isCache: false, presenceListUpTo: 1000 }],
  });
}

function countingIds(): IdSource {
  let count = 0;
  return { messageId: () => `made-${++count}`, nodeNumber: 1, random: () => 0.5 };
}
