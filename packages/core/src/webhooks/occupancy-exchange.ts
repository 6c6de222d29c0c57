import type { Cluster } from "../cluster/cluster.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import { ENTRIES_PER_MESSAGE } from "./occupancy-reporter.ts";
import {
  encodeReport,
  encodeTold,
  PULL_KIND,
  REPORT_KIND,
  type Report,
  TOLD_KIND,
  type ToldEntry,
} from "./occupancy-wire.ts";

const ASK_TIMEOUT_MS = 3000;
const RETRY_MS = 250;

/** What gateways ask and tell each other about occupancy, until it was heard or the other one is no more. */
export class OccupancyExchange {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  /** Ends the pauses between attempts. */
  readonly #pausing = new Map<Timer, () => void>();
  #isClosed = false;

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /** Brings a report to a node, once; resolves with whether it has it. */
  async report(nodeId: string, report: Report): Promise<boolean> {
    const { missing } = await this.#cluster.ask(REPORT_KIND, encodeReport(report), options(nodeId));
    return missing.length === 0;
  }

  /** All that a node has and knows of some partitions; null when it is no more. */
  async pull(nodeId: string, partitions: ReadonlySet<number>): Promise<readonly unknown[] | null> {
    while (this.#isWorthIt(nodeId)) {
      const { answers } = await this.#cluster.ask(PULL_KIND, [...partitions], options(nodeId));
      const [answer] = answers;
      if (answer !== undefined) return answer.parts;
      await this.#pause();
    }
    return null;
  }

  /** Lets a node know what was told. */
  async entrust(nodeId: string, entries: readonly ToldEntry[]): Promise<void> {
    while (this.#isWorthIt(nodeId)) {
      const { missing } = await this.#cluster.ask(TOLD_KIND, encodeTold(entries), options(nodeId));
      if (missing.length === 0) return;
      await this.#pause();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const [timer, resolve] of this.#pausing) {
      timer.cancel();
      resolve();
    }
    this.#pausing.clear();
  }

  #isWorthIt(nodeId: string): boolean {
    return !this.#isClosed && this.#cluster.nodes.some(({ id }) => id === nodeId);
  }

  #pause(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.after(RETRY_MS, () => {
        this.#pausing.delete(timer);
        resolve();
      });
      this.#pausing.set(timer, resolve);
    });
  }
}

function options(nodeId: string) {
  return { nodeId, timeoutMs: ASK_TIMEOUT_MS };
}

/** Parts of a list that fit a message each. */
export function chunksOf<T>(items: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < items.length; at += ENTRIES_PER_MESSAGE) chunks.push(items.slice(at, at + ENTRIES_PER_MESSAGE));
  return chunks;
}
