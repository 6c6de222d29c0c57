import { type Clock, countBy, type NodeCounters, paced, type Session } from "@carillon/core";
import type { PublicServer } from "@carillon/service";
import type { Fallback } from "./fallback/fallback.ts";

/** What Departures stand on. */
export interface DeparturesOptions {
  readonly server: Pick<PublicServer, "openSockets">;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly counters: NodeCounters;
  /** The sessions that are open now. */
  readonly sessions: () => readonly Session[];
  /** null: there are no connections over HTTP. */
  readonly fallback: () => Fallback | null;
}

/** So long those who were asked last have to go, in ms: a close frame is on its way, and polls are fetched. */
export const CLOSE_GRACE_MS = 2000;

/** And so long at least before the rest is cut: what is cut at once may take the close frame with it. */
const LEAST_GRACE_MS = 100;

const POLL_MS = 10;

/** Sends clients elsewhere. */
export class Departures {
  readonly #options: DeparturesOptions;

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  /** Asks one client to come back, perhaps to another gateway. */
  askForRebalance(session: Session): void {
    if (session.end("rebalance")) countBy(this.#options.counters.connectionsDrained, "rebalance");
  }

  /**
   * Asks everybody to go, spread over `spreadMs`; cuts who hasn't gone two seconds after that. Nobody may be taken in any
   * more. Resolves when nobody is here.
   */
  async all(spreadMs: number): Promise<void> {
    const { clock, random, sessions } = this.#options;
    const asks = sessions().map((session) => () => this.#ask(session));
    const leaves = this.#options.fallback()?.leaves() ?? [];
    await paced([...asks, ...leaves], (act) => act(), { clock, random, spreadMs });
    // Calls that were being answered when it began may have made some more.
    for (const session of sessions()) this.#ask(session);
    await this.#untilGone();
    for (const session of sessions()) session.transport.terminate();
  }

  #ask(session: Session): void {
    if (session.end("drain")) countBy(this.#options.counters.connectionsDrained, "shutdown");
  }

  async #untilGone(): Promise<void> {
    const { clock, fallback, server, sessions } = this.#options;
    const beganAtMs = clock.monotonic();
    for (;;) {
      const passedMs = clock.monotonic() - beganAtMs;
      const left = sessions().length + server.openSockets + (fallback()?.undone ?? 0);
      if (passedMs >= CLOSE_GRACE_MS || (passedMs >= LEAST_GRACE_MS && left === 0)) return;
      await new Promise<void>((resolve) => void clock.after(POLL_MS, resolve));
    }
  }
}
