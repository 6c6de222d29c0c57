import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { REPOSITORY } from "../../image/files.ts";
import { LocalCluster, type Standing } from "../../local/local-cluster.ts";
import type { Destination } from "./visitor.ts";

/** The second app of the stage, so that there is something to tell apart. */
const SHOP = { id: "1002", key: "shop-key", secret: "shop-secret-of-the-stage", publishSecret: "publish-of-the-stage" };

/** The cluster of `make cluster` with two apps, webhooks, and rebalancing, for traffic to be watched on. */
export class Stage implements AsyncDisposable {
  readonly #folder: string;
  readonly #cluster: LocalCluster;
  readonly #endpoint: Server;
  readonly #standing: Standing;

  private constructor(folder: string, cluster: LocalCluster, endpoint: Server, standing: Standing) {
    this.#folder = folder;
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#standing = standing;
  }

  /** Starts everything, on the ports of `make cluster` and so many more. Rejects, and leaves nothing running, where that fails. */
  static async up(shift: number, onStep: (step: string) => void): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), "carillon-stage-"));
    const endpoint = await startEndpoint();
    const cluster = new LocalCluster(folder);
    try {
      const config = join(folder, "carillon.yaml");
      await writeFile(config, await configFor((endpoint.address() as AddressInfo).port));
      const standing = await cluster.up({ shift, config, onStep });
      if (!standing.hasPrometheus) throw new Error("without Prometheus there is nothing to draw: install it first");
      return new Stage(folder, cluster, endpoint, standing);
    } catch (error) {
      endpoint.close();
      await cluster.down();
      await rm(folder, { recursive: true });
      throw error;
    }
  }

  get prometheusUrl(): string {
    return `http://127.0.0.1:${this.#standing.ports.prometheus}`;
  }

  get publishUrl(): string {
    return `http://127.0.0.1:${this.#standing.ports.publish}`;
  }

  get apps(): readonly (Destination & { readonly publishSecret: string })[] {
    const { ports, secrets } = this.#standing;
    const balancer = `127.0.0.1:${ports.webSocket}`;
    const gateways = ports.gateways.map(({ port }) => `127.0.0.1:${port}`);
    const { appSecret, publishSecret } = secrets;
    return [
      { balancer, gateways, key: "app-key", secret: appSecret, publishSecret },
      { balancer, gateways, key: SHOP.key, secret: SHOP.secret, publishSecret: SHOP.publishSecret },
    ];
  }

  /** One gateway is told to end: it drains. */
  async drainOne(): Promise<void> {
    await this.#cluster.signal("gateway-3", "SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster.down();
    this.#endpoint.closeAllConnections();
    this.#endpoint.close();
    await rm(this.#folder, { recursive: true });
  }
}

/** deploy/carillon.yaml, and what else is to be seen. */
async function configFor(endpointPort: number): Promise<string> {
  const config = parse(await readFile(join(REPOSITORY, "deploy/carillon.yaml"), "utf8")) as {
    apps: Record<string, unknown>[];
    gateway: Record<string, unknown>;
  };
  const webhooks = [{ url: `http://127.0.0.1:${endpointPort}/`, allowPrivateNetwork: true }];
  const { id, key, secret, publishSecret } = SHOP;
  config.apps = [...config.apps, { id, key, secrets: [secret], publishSecret }].map((app) => ({ ...app, webhooks }));
  // Longer than Prometheus needs to see it.
  config.gateway["drain"] = { delaySeconds: 15, spreadSeconds: 20 };
  config.gateway["rebalance"] = { enabled: true, minConnections: 10, intervalSeconds: 10 };
  return stringify(config);
}

/** An application's endpoint: slow now and then, and one of twenty requests fails. */
async function startEndpoint(): Promise<Server> {
  const endpoint = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      const status = Math.random() < 0.05 ? 500 : 200;
      setTimeout(() => response.writeHead(status).end(), Math.random() * 40);
    });
  });
  await new Promise<void>((resolve, reject) => {
    endpoint.once("error", reject);
    endpoint.listen(0, "127.0.0.1", resolve);
  });
  return endpoint;
}
