import type { ConnectionOptions } from "nats";
import { pause } from "./deadline.ts";
import { Link, type LinkObserver } from "./link.ts";
import type { NatsLog } from "./log.ts";

/** What a ServerSearch stands on. */
export interface ServerSearchOptions {
  readonly connection: ConnectionOptions;
  readonly log: NatsLog;
  /** Of every link that is opened. */
  readonly observer: LinkObserver;
}

const SEARCH_ROUNDS = 5;
const SEARCH_PAUSE_MS = 300;

/** Finds a server of NATS to go to: those of the configuration, and those of the cluster that the last one told of. */
export class ServerSearch {
  readonly #options: ServerSearchOptions;

  constructor(options: ServerSearchOptions) {
    this.#options = options;
  }

  /** Connects to any server, to the one that `old` is on last. Rejects as the client does when none takes the connection. */
  async open(old: Link): Promise<Link> {
    const { log, observer } = this.#options;
    const connection = { ...this.#options.connection, servers: this.#knownServers(old), noRandomize: true };
    const link = await Link.open(connection, log);
    link.attach(observer);
    return link;
  }

  /** Connects to another server than the one that `old` is on; null when there is none, or it is given up. */
  async openElsewhere(old: Link, isGivenUp: () => boolean): Promise<Link | null> {
    for (let round = 0; round < SEARCH_ROUNDS && !isGivenUp(); round++) {
      if (round > 0) await pause(SEARCH_PAUSE_MS);
      try {
        const link = await this.open(old);
        if (link.serverId !== old.serverId && !link.isLameDuck) return link;
        await link.close();
      } catch (error) {
        this.#options.log.warn("nats_connect_failed", { error });
      }
    }
    return null;
  }

  /** All servers in a random order, the one to get away from last. */
  #knownServers(old: Link): string[] {
    const { servers = [] } = this.#options.connection;
    const known = new Set([...(typeof servers === "string" ? [servers] : servers), ...old.peers]);
    const others = [...known].filter((server) => server !== old.server);
    const shuffled = others.map((server) => ({ server, rank: Math.random() })).sort((a, b) => a.rank - b.rank);
    return [...shuffled.map(({ server }) => server), ...(known.has(old.server) ? [old.server] : [])];
  }
}
