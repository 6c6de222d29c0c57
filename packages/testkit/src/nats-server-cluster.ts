import { eventually } from "./eventually.ts";
import { freePorts } from "./free-ports.ts";
import { NatsServer, type NatsServerOptions } from "./nats-server.ts";
import { NatsLinks, serverName } from "./nats-server-links.ts";
import { requestNats } from "./nats-server-request.ts";

/** How to start a cluster. Everything else as for one server. */
export interface NatsClusterOptions extends Omit<NatsServerOptions, "name" | "routing"> {
  /** Servers. Default 3. */
  readonly size?: number;
  /**
   * True: the servers reach each other, and clients reach them, through {@link NatsCluster.links}, which a test can cut. Default
   * false.
   */
  readonly harmableLinks?: boolean;
}

/** What is read of the answer to a question about a stream. */
interface StreamInfo {
  readonly cluster?: { readonly leader?: string };
}

const FORMATION_TIMEOUT_MS = 30_000;
const START_ATTEMPTS = 3;

/**
 * Several nats-servers that form one cluster, each on free ports of 127.0.0.1.
 *
 * @example
 * await using cluster = await NatsCluster.start({ jetStream: true });
 */
export class NatsCluster {
  readonly servers: readonly NatsServer[];
  readonly #links: NatsLinks | null;

  private constructor(servers: readonly NatsServer[], links: NatsLinks | null) {
    this.servers = servers;
    this.#links = links;
  }

  /** Resolves when every server is linked to every other one and, with JetStream, a leader stands. */
  static async start(options: NatsClusterOptions = {}): Promise<NatsCluster> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await NatsCluster.#start(options);
      } catch (error) {
        // Ports for routes have to be known before a server takes them, so another process can be faster.
        const isPortTaken = error instanceof Error && error.message.includes("address already in use");
        if (!isPortTaken || attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  static async #start({ size = 3, harmableLinks, ...options }: NatsClusterOptions): Promise<NatsCluster> {
    const ports = await freePorts(size);
    const servers: (NatsServer | undefined)[] = [];
    const listeners = ports.map((routePort, index) => ({ routePort, clientPort: () => servers[index]?.port ?? 0 }));
    const links = harmableLinks === true ? await NatsLinks.start(listeners) : null;
    const starting = ports.map(async (port, index) => {
      const advertised = links?.portsOf(index);
      const routes = ports
        .map((each, other) => links?.portsOf(other).route ?? each)
        .filter((_, other) => other !== index)
        .map((each) => `nats-route://127.0.0.1:${each}`);
      const routing = { clusterName: "carillon-test", port, routes, ...(advertised && { advertised }) };
      servers[index] = await NatsServer.start({ ...options, name: serverName(index), routing });
      return servers[index];
    });
    const started = await Promise.allSettled(starting);
    const running = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const cluster = new NatsCluster(running, links);
    try {
      for (const each of started) if (each.status === "rejected") throw each.reason;
      await cluster.whenFormed();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The addresses of all servers. */
  get urls(): string[] {
    return this.servers.map((server) => server.url);
  }

  /** The links of the servers. Throws unless it was started with `harmableLinks`. */
  get links(): NatsLinks {
    if (this.#links === null) throw new TypeError("start the cluster with harmableLinks");
    return this.#links;
  }

  server(index: number): NatsServer {
    const server = this.servers[index];
    if (server === undefined) throw new RangeError(`the cluster has no server ${index}`);
    return server;
  }

  /** Resolves when all servers know of each other (again). All of them must be running. */
  async whenFormed(): Promise<void> {
    const options = { timeoutMs: FORMATION_TIMEOUT_MS };
    await Promise.all(this.servers.map((server) => eventually(() => this.#assertFormed(server), options)));
  }

  /** Makes a server the leader of a JetStream stream; resolves when all servers see it. */
  async lead(stream: string, index: number): Promise<void> {
    const { port } = this.server(index);
    const name = serverName(index);
    await eventually(
      async () => {
        const leaderOf = async (at: NatsServer) => {
          const info = JSON.parse(await requestNats(at.port, `$JS.API.STREAM.INFO.${stream}`)) as StreamInfo;
          return info.cluster?.leader;
        };
        if ((await leaderOf(this.server(index))) !== name) {
          const body = JSON.stringify({ placement: { preferred: name } });
          await requestNats(port, `$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, body);
        }
        for (const server of this.servers) {
          const leader = await leaderOf(server);
          if (leader !== name) throw new Error(`${leader} leads ${stream}, and not ${name}`);
        }
      },
      { timeoutMs: FORMATION_TIMEOUT_MS },
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
    await this.#links?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #assertFormed(server: NatsServer): Promise<void> {
    const { routes } = await server.monitor<{ routes: { remote_name: string }[] }>("/routez");
    const peers = new Set(routes.map((route) => route.remote_name));
    if (peers.size !== this.servers.length - 1) throw new Error(`${server.url} sees ${peers.size} other servers`);
    const { connect_urls = [] } = await server.monitor<{ connect_urls?: string[] }>("/varz");
    if (connect_urls.length !== this.servers.length)
      throw new Error(`${server.url} tells clients of ${connect_urls.length} servers`);
    const page = await server.monitor<{ disabled?: boolean; meta_cluster?: { leader?: string } }>("/jsz");
    if (page.disabled === true) return;
    if (!page.meta_cluster?.leader) throw new Error(`${server.url} knows no JetStream leader`);
  }
}
