import { type Clock, countBy, type NodeCounters, type ProxyDrainRequest, paced, type Session } from "@carillon/core";
import type { PublicServer } from "@carillon/service";
import type { Fallback } from "./fallback/fallback.ts";

/** What Departures stand on. */
export interface DeparturesOptions {
  readonly server: Pick<PublicServer, "openSockets" | "leaveProxy">;
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

/** So long after all were asked an answer through a proxy still closes its connection, in ms: who keeps one open will call again. */
const PROXY_LINGER_MS = 60_000;

/** Most requests about proxies that are under way at a time: each remembers whom it still has to ask. */
const MAX_PROXY_DRAINS = 100;

/** Sends clients elsewhere. */
export class Departures {
  readonly #options: DeparturesOptions;
  #proxyDrains = 0;

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  /** Asks one client to come back, perhaps to another gateway. */
  askForRebalance(session: Session): void {
    if (session.end("rebalance")) countBy(this.#options.counters.connectionsDrained, "rebalance");
  }

  /**
   * Asks those who came through a proxy that is about to end to come back, spread over the request's time; calls over HTTP that wait for
   * frames are ended, and their sessions go on. Answers how many there are, and goes on by itself. Beyond a hundred requests that
   * are under way nobody is asked: whoever asks again finds them still there.
   */
  through({ via, spreadMs, isDryRun }: ProxyDrainRequest): number {
    const { clock, fallback, random, server, sessions } = this.#options;
    const proxies = new Set(via);
    const met = sessions().filter(({ transport }) => proxies.has(transport.peerAddress));
    const fetches = fallback()?.fetches;
    const waiting = fetches?.from(proxies) ?? [];
    if (!isDryRun && this.#proxyDrains < MAX_PROXY_DRAINS) {
      this.#proxyDrains++;
      for (const proxy of proxies) server.leaveProxy(proxy, spreadMs + PROXY_LINGER_MS);
      const asks = met.map((session) => () => session.end("proxy_drain"));
      const ends = waiting.map((fetch) => () => fetches?.end(fetch) === true);
      const act = (leave: () => boolean) => {
        if (leave()) countBy(this.#options.counters.connectionsDrained, "proxy");
      };
      void paced([...asks, ...ends], act, { clock, random, spreadMs }).finally(() => {
        this.#proxyDrains--;
      });
    }
    return met.length + waiting.length;
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
