import type { Cluster } from "./cluster/cluster.ts";
import type { HistoryCounters } from "./history-counters.ts";
import type { AppRegistry } from "./ports/apps.ts";
import type { Clock, Timer } from "./ports/clock.ts";
import type { HistoryStore, HistoryUsage } from "./ports/history-store.ts";

/** What HistoryBudgets stand on. */
export interface HistoryBudgetsOptions {
  readonly store: HistoryStore;
  readonly apps: AppRegistry;
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly counters: HistoryCounters;
  /** Hears that an app was over its bytes, and what it has now. */
  readonly onTrimmed: (appId: string, usage: HistoryUsage) => void;
  /** Hears that an app could not be looked after. It is tried again at the next time. */
  readonly onFailure: (appId: string, error: unknown) => void;
}

const EVERY_MS = 30_000;

/**
 * Holds the histories of each app to the bytes that it may have. Of all gateways the one with the first id does it; while
 * they don't agree who lives, several may, which costs work and harms nothing.
 */
export class HistoryBudgets {
  readonly #options: HistoryBudgetsOptions;
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(options: HistoryBudgetsOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Lets go of the timer. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isClosed) return;
    const { clock, random } = this.#options;
    this.#timer = clock.after(EVERY_MS * (0.75 + random() / 2), () => void this.#run());
  }

  async #run(): Promise<void> {
    if (this.#isFirst)
      for (const app of this.#options.apps.all) await this.#lookAfter(app.id, app.settings.limits.historyBytes);
    this.#schedule();
  }

  async #lookAfter(appId: string, maxBytes: number): Promise<void> {
    if (maxBytes === 0 || this.#isClosed) return;
    const { store, counters, onTrimmed, onFailure } = this.#options;
    try {
      const usage = await store.trim(appId, maxBytes);
      counters.trimmed += usage.dropped;
      if (usage.dropped > 0) onTrimmed(appId, usage);
    } catch (error) {
      onFailure(appId, error);
    }
  }

  get #isFirst(): boolean {
    const { cluster } = this.#options;
    return cluster.nodes.every(({ id, isGateway }) => !isGateway || id > cluster.nodeId);
  }
}
