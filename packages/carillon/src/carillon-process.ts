import { type AdminServer, systemClock } from "@carillon/service";
import { makeAdmin } from "./admin.ts";
import { Closing } from "./closing.ts";
import { type Parts, type ProcessOptions, startParts } from "./parts.ts";

/** What one process of Carillon is made from, and whether it tells how it is. */
export interface CarillonProcessOptions extends ProcessOptions {
  /** True: metrics and health are served on the admin address of the configuration. */
  readonly hasAdmin: boolean;
  /** True: other processes may listen on the same port. Default false. */
  readonly isPortShared?: boolean;
}

/** Where a process is reached. */
export interface RunningAddresses {
  /** Origin of the HTTP side: publish API, demo page; "" on a webhook worker. */
  readonly url: string;
  /** Where browsers connect to; "" where there is no gateway. */
  readonly webSocketUrl: string;
  /** Origin of metrics and health; "" without them. */
  readonly adminUrl: string;
}

/** How long publishes in flight may take to be answered once the process leaves, in ms: as long as the bus retries. */
const PUBLISH_DRAIN_MS = 15_000;

/**
 * How long everything behind the drain may take, in ms: two seconds for the last close frames, five for what applications are to be
 * told, a moment for goodbyes, and as much again for a process that hasn't got the core that it needs.
 */
const STOP_MARGIN_MS = 15_000;

/** One running process: what it is made of, in the order of starting, and how to stop it again. */
export class CarillonProcess {
  readonly addresses: RunningAddresses;
  readonly #options: CarillonProcessOptions;
  readonly #parts: Parts;
  #closed: Promise<void> | null = null;
  #stage = "nothing";

  private constructor(options: CarillonProcessOptions, parts: Parts, addresses: RunningAddresses) {
    this.#options = options;
    this.#parts = parts;
    this.addresses = addresses;
  }

  /** Starts everything the role needs. What was started is undone when something later fails. */
  static async start(options: CarillonProcessOptions): Promise<CarillonProcess> {
    const closing = new Closing((part, error) => options.log.error("close_failed", { part, error }));
    try {
      const parts = await startParts(options, closing);
      return new CarillonProcess(options, parts, await listen(options, parts));
    } catch (error) {
      await closing.run();
      throw error;
    }
  }

  /** Reads the configuration again, as after a SIGHUP. No effect without `reload` in the options. */
  reload(): void {
    void this.#parts.watch?.reload();
  }

  /** How long {@link close} takes at most, in ms. Whoever still waits then has met a bug, or a machine that is out of breath. */
  get closesWithinMs(): number {
    const { gateway, publisher, worker } = this.#parts;
    const { gateway: settings, webhooks } = this.#options.config;
    const spreadMs = gateway === null ? 0 : settings.drain.spreadSeconds * 1000;
    const drainMs = Math.max(spreadMs, publisher === null ? 0 : PUBLISH_DRAIN_MS);
    const requestMs = worker === null ? 0 : webhooks.timeoutSeconds * 1000;
    return this.#delayMs + drainMs + requestMs + STOP_MARGIN_MS;
  }

  /** What {@link close} waits for. */
  get stage(): string {
    return this.#parts.closing.current ?? this.#stage;
  }

  /** Drains, then stops. Idempotent: later calls wait for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** No load balancer has to notice that a worker is going. */
  get #delayMs(): number {
    return this.#parts.server === null ? 0 : this.#options.config.gateway.drain.delaySeconds * 1000;
  }

  async #close(): Promise<void> {
    const { gateway, publisher, worker, leaving, closing } = this.#parts;
    const spreadMs = this.#options.config.gateway.drain.spreadSeconds * 1000;
    // Timers of the clock don't keep a process alive, and a drain must not end because nothing else does.
    const keepAlive = setInterval(() => undefined, 1000);
    leaving.begin();
    publisher?.leave();
    this.#stage = "delay";
    if (this.#delayMs > 0) await new Promise<void>((resolve) => void systemClock.after(this.#delayMs, resolve));
    this.#stage = "drain";
    await Promise.all([gateway?.drain(spreadMs), publisher?.drain(PUBLISH_DRAIN_MS)]);
    this.#stage = "webhook worker";
    await worker?.stop();
    await closing.run();
    clearInterval(keepAlive);
  }
}

async function listen(options: CarillonProcessOptions, parts: Parts): Promise<RunningAddresses> {
  const { config, role, log, hasAdmin, isPortShared = false } = options;
  const { host, port } = role === "publisher" ? config.publisher : config.gateway;
  const bound = await parts.server?.listen({ host, port, isShared: isPortShared });
  const authority = bound === undefined ? "" : `${nameOf(bound.host)}:${bound.port}`;
  return {
    url: authority === "" ? "" : `http://${authority}`,
    webSocketUrl: parts.gateway === null ? "" : `ws://${authority}/ws`,
    adminUrl: hasAdmin ? await listenForAdmin(makeAdmin({ config: config.admin, role, log, parts }), parts) : "",
  };
}

async function listenForAdmin(admin: AdminServer, { closing }: Parts): Promise<string> {
  const { host, port } = await admin.listen();
  closing.push("admin server", () => admin.close());
  return `http://${nameOf(host)}:${port}`;
}

/** How a URL names a host: an IPv6 address stands in brackets. */
function nameOf(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
