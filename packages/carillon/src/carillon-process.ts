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

/** One running process: what it is made of, in the order of starting, and how to stop it again. */
export class CarillonProcess {
  readonly addresses: RunningAddresses;
  readonly #options: CarillonProcessOptions;
  readonly #parts: Parts;
  #closed: Promise<void> | null = null;

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

  /** Drains, then stops. Idempotent: later calls wait for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { gateway, publisher, worker, leaving, closing } = this.#parts;
    const { delaySeconds, spreadSeconds } = this.#options.config.gateway.drain;
    // Timers of the clock don't keep a process alive, and a drain must not end because nothing else does.
    const keepAlive = setInterval(() => undefined, 1000);
    leaving.begin();
    publisher?.leave();
    if (delaySeconds > 0) await new Promise<void>((resolve) => void systemClock.after(delaySeconds * 1000, resolve));
    await Promise.all([gateway?.drain(spreadSeconds * 1000), publisher?.drain(PUBLISH_DRAIN_MS)]);
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
