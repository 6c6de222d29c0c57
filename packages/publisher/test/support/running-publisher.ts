import {
  type AppSettings,
  type Bus,
  type Clock,
  createNodeCounters,
  type IdSource,
  MemoryBackbone,
  MemoryBus,
  type NodeCounters,
} from "@carillon/core";
import { ConfiguredApps, createPublicServer, createSilentLogger, systemClock } from "@carillon/service";
import { Publisher } from "../../src/index.ts";
import { appSettings } from "./apps.ts";
import { type Received, Recorder } from "./recorder.ts";

export interface RunOptions {
  readonly apps?: readonly AppSettings[];
  /** In place of the in-process bus. */
  readonly bus?: Bus;
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
    parts: Omit<RunningPublisher, "url" | "post" | "record" | typeof Symbol.asyncDispose>,
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
    const memoryBus = new MemoryBus(new MemoryBackbone({ clock: systemClock }));
    const apps = new ConfiguredApps({ settings: options.apps ?? [appSettings("shop")] });
    const publisher = new Publisher({
      server,
      bus: options.bus ?? memoryBus,
      apps,
      clock: options.clock ?? systemClock,
      ids: countingIds(),
      counters,
      log,
      settings: { maxBodyBytes: options.maxBodyBytes ?? 65_536 },
    });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    return new RunningPublisher({ publisher, apps, counters, memoryBus, port }, async () => {
      await server.close();
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

function countingIds(): IdSource {
  let count = 0;
  return { messageId: () => `made-${++count}`, nodeNumber: 1, random: () => 0.5 };
}
