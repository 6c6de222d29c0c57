import { eventually } from "@carillon/testkit";
import type { Cluster } from "../cluster.ts";
import { APP, type Release } from "../release.ts";
import { Crowd } from "./crowd.ts";
import { EventWriter } from "./event-writer.ts";
import type { Outcome } from "./outcome.ts";
import { quantile, total } from "./tally.ts";

const CHANNELS = 20;
/** Deliveries a second, over all clients: what two cores carry beside everything else. */
const DELIVERIES_PER_SECOND = 1200;
const QUIET_MS = 3000;

/** Clients that listen through the chart's own load balancers, and a writer, while things happen to the cluster. */
export class Load implements AsyncDisposable {
  readonly #release: Release;
  readonly #crowd: Crowd;
  readonly #clients: number;
  readonly #paceMs: number;
  readonly #writer: EventWriter;

  private constructor(release: Release, crowd: Crowd, clients: number) {
    this.#release = release;
    this.#crowd = crowd;
    this.#clients = clients;
    this.#paceMs = Math.round((clients * 2 * 1000) / DELIVERIES_PER_SECOND);
    const channels = Array.from({ length: CHANNELS }, (_, index) => [`history-${index}`, `plain-${index}`]).flat();
    const { publishUrl: url } = release;
    this.#writer = new EventWriter({ url, secret: APP.publishSecret, channels, paceMs: this.#paceMs });
  }

  /** Resolves when all clients are there. */
  static async start(cluster: Cluster, release: Release, clients: number): Promise<Load> {
    const crowd = await Crowd.start({
      network: cluster.network,
      key: APP.key,
      clients,
      channels: CHANNELS,
      fronts: () => release.fronts(),
    });
    return new Load(release, crowd, clients);
  }

  /** Lets something happen while events flow, and tells what clients noticed of it. */
  async during(happen: () => Promise<void>): Promise<Outcome> {
    await this.#crowd.settle(120_000);
    const retriesBefore = { ...this.#writer.retries };
    this.#writer.start();
    // Each client has to have a number before: only then can it be known to have missed one.
    await this.#pass(this.#paceMs * 2);
    this.#crowd.reset();
    await happen();
    await this.#crowd.settle(120_000);
    await this.#pass(QUIET_MS);
    const tally = await this.#crowd.finish(await this.#writer.stop());
    const connections = [...(await this.#settledConnections()).values()];
    const mean = connections.reduce((sum, each) => sum + each, 0) / connections.length;
    return {
      tally,
      disconnectsPerClient: total(tally.closes) / this.#clients,
      downtimeP50Ms: quantile(tally.downtimesMs, 0.5),
      downtimeP99Ms: quantile(tally.downtimesMs, 0.99),
      imbalance: Math.max(...connections) / mean,
      gateways: connections.length,
      retries: difference(this.#writer.retries, retriesBefore),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.stop();
    await this.#crowd[Symbol.asyncDispose]();
  }

  /** Connections of the gateways, once they know that those who have left have left. */
  async #settledConnections(): Promise<ReadonlyMap<string, number>> {
    return eventually(
      async () => {
        const connections = await this.#release.connections();
        const sum = [...connections.values()].reduce((left, right) => left + right, 0);
        if (sum !== this.#clients) throw new Error(`gateways hold ${sum} connections of ${this.#clients} clients`);
        return connections;
      },
      { timeoutMs: 90_000, intervalMs: 500 },
    );
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}

function difference(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  const entries = Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value > 0));
}
