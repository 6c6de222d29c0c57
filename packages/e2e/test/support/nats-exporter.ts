import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { NatsServer } from "@carillon/testkit";

type Numbers = Readonly<Record<string, unknown>>;

/**
 * Stands in for prometheus-nats-exporter (`-varz -jsz=all`), which not every Go proxy has: the same names from the same pages.
 * Its rule is that a number of `/varz` is `gnatsd_varz_` and its path; compared with the real one, by hand, on nats-server 2.15.
 */
export class NatsExporter {
  readonly #server: Server;
  readonly target: string;

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.target = target;
  }

  static async start(nats: NatsServer): Promise<NatsExporter> {
    const server = createServer((_request, response) => {
      void pagesOf(nats).then(
        (text) => response.end(text),
        () => response.writeHead(503).end(),
      );
    });
    server.listen(0, "127.0.0.1");
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

async function pagesOf(nats: NatsServer): Promise<string> {
  const [varz, jsz] = await Promise.all([nats.monitor<Numbers>("/varz"), nats.monitor<Numbers>("/jsz")]);
  const label = `{server_id="${nats.monitorUrl}"}`;
  const lines = flatten("gnatsd_varz", varz).map(([name, value]) => `${name}${label} ${value}`);
  lines.push(`jetstream_server_total_messages${label} ${Number(jsz["messages"])}`);
  return `${lines.join("\n")}\n`;
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
