import { once } from "node:events";
import { createServer, type Server } from "node:http";

type Numbers = Readonly<Record<string, unknown>>;

/** A server of NATS, and what it is called in the metrics. */
export interface ExportedServer {
  readonly id: string;
  /** Where its monitoring is. */
  readonly monitorUrl: string;
}

/** What to tell of, and where. */
export interface NatsExporterOptions {
  readonly servers: readonly ExportedServer[];
  /** Port on 127.0.0.1; default: a free one. */
  readonly port?: number;
}

/**
 * Stands in for prometheus-nats-exporter (`-varz -jsz=all -prefix=nats`), which not every Go proxy has: the same names from the same
 * pages. Its rule is that a number of `/varz` is `nats_varz_` and its path; compared with the real one, by hand, on nats-server 2.15.
 */
export class NatsExporter implements AsyncDisposable {
  readonly #server: Server;
  /** `host:port` of its metrics. */
  readonly target: string;

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.target = target;
  }

  static async start({ servers, port = 0 }: NatsExporterOptions): Promise<NatsExporter> {
    const server = createServer((_request, response) => {
      void Promise.all(servers.map(linesOf)).then((lines) => response.end(`${lines.flat().join("\n")}\n`));
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("a listening server has an address");
    return new NatsExporter(server, `127.0.0.1:${address.port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** The lines of one server; none while it doesn't answer. */
async function linesOf({ id, monitorUrl }: ExportedServer): Promise<string[]> {
  const [varz, jsz] = await Promise.all([pageOf(`${monitorUrl}/varz`), pageOf(`${monitorUrl}/jsz`)]);
  if (varz === null || jsz === null) return [];
  const label = `{server_id="${id}"}`;
  return [
    ...flatten("nats_varz", varz).map(([name, value]) => `${name}${label} ${value}`),
    `nats_server_total_messages${label} ${Number(jsz["messages"])}`,
  ];
}

async function pageOf(url: string): Promise<Numbers | null> {
  return await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    async (answer) => (await answer.json()) as Numbers,
    () => null,
  );
}

function flatten(prefix: string, page: Numbers): (readonly [string, number])[] {
  return Object.entries(page).flatMap(([key, value]) => {
    // Counts of the pages that were asked for have paths as keys, which are no names of metrics.
    if (!/^\w+$/.test(key)) return [];
    const name = `${prefix}_${key}`;
    if (typeof value === "number") return [[name, value] as const];
    const isGroup = typeof value === "object" && value !== null && !Array.isArray(value);
    return isGroup ? flatten(name, value as Numbers) : [];
  });
}
