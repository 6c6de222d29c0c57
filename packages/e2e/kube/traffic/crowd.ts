import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { eventually } from "@carillon/testkit";
import type { PodNetwork } from "../pod-network.ts";
import { ClientHost } from "./client-host.ts";
import type { CrowdAnswer, CrowdOrder } from "./crowd-messages.ts";
import { sumOf, type Tally } from "./tally.ts";

/** How many come, and to whom. */
export interface CrowdOptions {
  readonly network: PodNetwork;
  readonly key: string;
  readonly clients: number;
  readonly channels: number;
  /** Where connections are taken now, as `address:port`: asked again and again. */
  readonly fronts: () => readonly string[];
}

const CLIENTS_PER_PROCESS = 1500;
/** Each client is a handshake through two processes: two cores take some hundred a second. */
const CLIENTS_PER_SECOND = 150;
const FRONTS_EVERY_MS = 200;

/** Many clients, each with an address of its own, on a host beside the cluster. */
export class Crowd implements AsyncDisposable {
  readonly #options: CrowdOptions;
  readonly #host: ClientHost;
  readonly #processes: readonly ChildProcess[];
  readonly #timer: NodeJS.Timeout;

  private constructor(options: CrowdOptions, host: ClientHost, processes: readonly ChildProcess[]) {
    this.#options = options;
    this.#host = host;
    this.#processes = processes;
    this.#timer = setInterval(() => this.#tellFronts(), FRONTS_EVERY_MS);
    this.#tellFronts();
  }

  /** Resolves when the subscriptions of all of them stand. */
  static async start(options: CrowdOptions): Promise<Crowd> {
    const { network, clients, key, channels } = options;
    const host = await ClientHost.start(network);
    const processes = Array.from({ length: Math.ceil(clients / CLIENTS_PER_PROCESS) }, () =>
      host.spawn("crowd-process"),
    );
    const crowd = new Crowd(options, host, processes);
    const spreadMs = (clients / CLIENTS_PER_SECOND) * 1000;
    const share = Math.ceil(clients / processes.length);
    for (const [index, each] of processes.entries()) {
      const first = index * share;
      const order = { kind: "start", key, channels, spreadMs, first, count: Math.min(share, clients - first) } as const;
      each.send(order satisfies CrowdOrder);
    }
    await crowd.settle(spreadMs + 120_000);
    return crowd;
  }

  /** What they went through since the start, or the last {@link reset}. */
  async tally(): Promise<Tally> {
    return sumOf((await this.#ask({ kind: "ask" })).map(({ tally }) => tally));
  }

  /** Forgets what was counted. */
  reset(): void {
    this.#tell({ kind: "reset" });
  }

  /** Resolves when all subscriptions of all clients stand. */
  async settle(timeoutMs: number): Promise<void> {
    const check = async () => {
      const { standing } = await this.tally();
      if (standing < this.#options.clients) throw new Error(`${standing} of ${this.#options.clients} clients stand`);
    };
    await eventually(check, { timeoutMs, intervalMs: 500 });
  }

  /** Nothing is published any more. Waits for what is under way, and answers what they went through, with what is missing. */
  async finish(last: Readonly<Record<string, number>>): Promise<Tally> {
    const isDelivered = async () => {
      const behind = (await this.#ask({ kind: "ask", last })).reduce((sum, each) => sum + each.behind, 0);
      if (behind > 0) throw new Error(`${behind} clients don't have the last event`);
    };
    // Whoever is still behind then has missed it, and is counted so.
    await eventually(isDelivered, { timeoutMs: 20_000, intervalMs: 300 }).catch(() => undefined);
    return sumOf((await this.#ask({ kind: "finish", last })).map(({ tally }) => tally));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#host[Symbol.asyncDispose]();
  }

  #tellFronts(): void {
    this.#tell({ kind: "fronts", fronts: this.#options.fronts() });
  }

  #tell(order: CrowdOrder): void {
    for (const each of this.#processes) if (each.connected) each.send(order);
  }

  async #ask(order: CrowdOrder): Promise<readonly CrowdAnswer[]> {
    return Promise.all(
      this.#processes.map(async (each) => {
        const answered = once(each, "message");
        each.send(order);
        const [answer] = (await answered) as [CrowdAnswer];
        return answer;
      }),
    );
  }
}
