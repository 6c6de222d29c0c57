import {
  type Clock,
  type Cluster,
  type ConnectionTable,
  paced,
  type RebalanceLimits,
  type RebalancePeer,
  RebalancePlan,
  type RebalanceState,
  type RebalanceStep,
  type Session,
  type Timer,
} from "@carillon/core";

/** When a gateway asks clients to go elsewhere, how many, and how often. */
export interface RebalanceSettings extends RebalanceLimits {
  /** How long an interval is, give or take a fifth, in ms. */
  readonly intervalMs: number;
}

/** What a Rebalancer stands on. */
export interface RebalancerOptions {
  readonly cluster: Pick<Cluster, "nodes" | "isSettled">;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly settings: RebalanceSettings;
  readonly connections: Pick<ConnectionTable, "size" | "lastNumber" | "oldest">;
  /** Asks a client to come back. */
  readonly ask: (session: Session) => void;
}

/** The share of an interval over which clients are asked; the rest is for them to be back somewhere when the next one begins. */
const ASKING_SHARE = 0.6;

/** Sends clients of a gateway that has more than the others elsewhere, a few in each interval. */
export class Rebalancer {
  readonly #options: RebalancerOptions;
  readonly #plan: RebalancePlan;
  #timer: Timer | null = null;
  #isClosed = false;
  /** Who has a greater number came after the round began. */
  #upToNumber = 0;

  constructor(options: RebalancerOptions) {
    this.#options = options;
    this.#plan = new RebalancePlan(options.settings, options.random);
    this.#wait();
  }

  get state(): RebalanceState {
    return this.#plan.state;
  }

  /** Asks nobody any more. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** Gateways that began together don't act together. */
  #wait(): void {
    if (this.#isClosed) return;
    const { clock, random, settings } = this.#options;
    this.#timer = clock.after(settings.intervalMs * (0.8 + 0.4 * random()), () => {
      this.#wait();
      this.#begin();
    });
  }

  #begin(): void {
    const { clock, cluster, connections } = this.#options;
    if (!cluster.isSettled) return;
    const step = this.#plan.next({ own: connections.size, peers: this.#peers(), nowMs: clock.monotonic() });
    if (step.isNewRound) this.#upToNumber = connections.lastNumber;
    if (step.count === 0) return;
    const sessions = connections.oldest(step.count, this.#upToNumber);
    if (sessions.length < step.count) this.#plan.exhausted();
    void this.#ask(sessions, step);
  }

  /** Never rejects. */
  #ask(sessions: readonly Session[], step: RebalanceStep): Promise<void> {
    const { ask, clock, random, settings } = this.#options;
    const act = (session: Session) => {
      if (!this.#mayAsk(step)) return;
      this.#plan.asked(1);
      ask(session);
    };
    return paced(sessions, act, { clock, random, spreadMs: settings.intervalMs * ASKING_SHARE });
  }

  /** Things may have changed since the interval began. */
  #mayAsk({ keep }: RebalanceStep): boolean {
    const { cluster, connections } = this.#options;
    if (this.#isClosed || !cluster.isSettled || connections.size <= keep) return false;
    return this.#peers().every(({ isAccepting }) => isAccepting === true);
  }

  #peers(): RebalancePeer[] {
    const peers: RebalancePeer[] = [];
    for (const { id, isGateway, isAccepting, connectionsByApp } of this.#options.cluster.nodes) {
      if (!isGateway) continue;
      let connections = 0;
      for (const count of connectionsByApp.values()) connections += count;
      peers.push({ id, connections, isAccepting });
    }
    return peers;
  }
}
