import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNatsServer, NatsServerProcess } from "./nats-server-process.ts";

/** How a server of a cluster finds the others. */
export interface NatsRouting {
  readonly clusterName: string;
  /** Where this server listens for the others. */
  readonly port: number;
  /** `nats-route://` addresses of the other servers. JetStream needs them before the first start. */
  readonly routes: readonly string[];
  /** Where others reach it when that is not where it listens, and where clients do. */
  readonly advertised?: { readonly route: number; readonly client: number };
}

/** How to start a nats-server for a test. */
export interface NatsServerOptions {
  /** True: with JetStream, on disk in a temporary folder. Default false. */
  readonly jetStream?: boolean;
  /** Further configuration, by the names of nats-server's configuration file; goes over what this helper sets. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** TLS for clients. With `caFile` clients must show a certificate that this authority signed. */
  readonly tls?: {
    readonly certFile: string;
    readonly keyFile: string;
    readonly caFile?: string;
    readonly handshakeFirst?: boolean;
  };
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Public key of the one user (`U…`), who proves to have the seed. */
  readonly nkey?: string;
  /** Name of the server; must differ within a cluster. */
  readonly name?: string;
  readonly routing?: NatsRouting;
}

/**
 * A real nats-server on a free port of 127.0.0.1, for one test. Nothing is left behind once it is stopped.
 *
 * @example
 * await using server = await NatsServer.start({ jetStream: true });
 * const bus = await connectNatsBus({ servers: [server.url] });
 */
export class NatsServer {
  readonly #options: NatsServerOptions;
  readonly #binary: string;
  readonly #folder: string;
  #process: NatsServerProcess;

  private constructor(options: NatsServerOptions, binary: string, folder: string, process: NatsServerProcess) {
    this.#options = options;
    this.#binary = binary;
    this.#folder = folder;
    this.#process = process;
  }

  /**
   * Starts one and resolves when it takes connections. Rejects with the server's own words when it ends instead, such as for
   * a wrong configuration.
   */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const binary = await findNatsServer();
    const folder = await mkdtemp(join(tmpdir(), "carillon-nats-"));
    try {
      const process = await launch(binary, folder, options, { client: -1, monitor: -1 });
      return new NatsServer(options, binary, folder, process);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Where clients connect: `nats://127.0.0.1:PORT`, without credentials. The same over restarts. */
  get url(): string {
    return `nats://127.0.0.1:${this.#options.routing?.advertised?.client ?? this.port}`;
  }

  /** Where it listens for clients. */
  get port(): number {
    return this.#process.ports.client;
  }

  /** Where its monitoring pages are. The same over restarts. */
  get monitorUrl(): string {
    return `http://127.0.0.1:${this.#process.ports.monitor}`;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What it has logged lately. */
  get output(): string {
    return this.#process.output;
  }

  /** Fetches a monitoring page, such as `/connz?subs=1`, as JSON. */
  async monitor<T = Record<string, unknown>>(path: string): Promise<T> {
    const response = await fetch(`${this.monitorUrl}${path}`);
    return (await response.json()) as T;
  }

  /** Ends it without warning, as a crash would; resolves when it is gone. What it stored stays for {@link restart}. */
  async kill(): Promise<void> {
    await this.#process.end("SIGKILL");
  }

  /** Starts it again on the same ports with what it has stored; a running one is stopped first. */
  async restart(): Promise<void> {
    await this.#process.end("SIGTERM");
    this.#process = await launch(this.#binary, this.#folder, this.#options, this.#process.ports);
  }

  /** Freezes it: connections stay open and nothing answers. Resolves when it stands still. */
  async pause(): Promise<void> {
    await this.#process.freeze();
  }

  /** Ends {@link pause}. */
  resume(): void {
    this.#process.signal("SIGCONT");
  }

  /** Sends it a signal; `SIGUSR2` puts it into lame duck mode. */
  signal(name: NodeJS.Signals): void {
    this.#process.signal(name);
  }

  /** Ends it for good and removes its files. Idempotent. */
  async stop(): Promise<void> {
    // Nothing of it is wanted any more, and a server in lame duck mode would take its time over SIGTERM.
    await this.#process.end("SIGKILL");
    await rm(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

interface WantedPorts {
  readonly client: number;
  readonly monitor: number;
}

async function launch(
  binary: string,
  folder: string,
  options: NatsServerOptions,
  ports: WantedPorts,
): Promise<NatsServerProcess> {
  // nats-server reads JSON: its own format is a superset.
  const configFile = join(folder, "nats.conf");
  await mkdir(join(folder, "ports"), { recursive: true });
  await writeFile(configFile, JSON.stringify(configOf(folder, options, ports), null, 2));
  return await NatsServerProcess.start({ binary, configFile, portsFolder: join(folder, "ports") });
}

function configOf(folder: string, options: NatsServerOptions, ports: WantedPorts): Record<string, unknown> {
  return {
    host: "127.0.0.1",
    port: ports.client,
    http: `127.0.0.1:${ports.monitor}`,
    ports_file_dir: join(folder, "ports"),
    ...(options.name === undefined ? {} : { server_name: options.name }),
    ...(options.jetStream === true ? { jetstream: { store_dir: join(folder, "store") } } : {}),
    ...(options.tls === undefined ? {} : { tls: tlsConfigOf(options.tls) }),
    ...authorizationOf(options),
    ...(options.routing === undefined ? {} : routingConfigOf(options.routing)),
    ...options.config,
  };
}

function tlsConfigOf(tls: NonNullable<NatsServerOptions["tls"]>): Record<string, unknown> {
  return {
    cert_file: tls.certFile,
    key_file: tls.keyFile,
    ...(tls.caFile === undefined ? {} : { ca_file: tls.caFile, verify: true }),
    ...(tls.handshakeFirst === true ? { handshake_first: true } : {}),
  };
}

function authorizationOf({ user, password, token, nkey }: NatsServerOptions): Record<string, unknown> {
  if (user !== undefined) return { authorization: { user, password } };
  if (token !== undefined) return { authorization: { token } };
  if (nkey !== undefined) return { authorization: { users: [{ nkey }] } };
  return {};
}

function routingConfigOf({ clusterName, port, routes, advertised }: NatsRouting): Record<string, unknown> {
  const cluster = { name: clusterName, listen: `127.0.0.1:${port}`, routes };
  if (advertised === undefined) return { cluster };
  const { route, client } = advertised;
  return { cluster: { ...cluster, advertise: `127.0.0.1:${route}` }, client_advertise: `127.0.0.1:${client}` };
}
