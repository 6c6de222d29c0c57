import type { HistoryStream } from "./history-stream.ts";
import type { Link } from "./link.ts";

/** What a HistoryUpkeep stands on. */
export interface HistoryUpkeepOptions {
  readonly streams: readonly HistoryStream[];
  /** The connection to use now; null while there is none. */
  readonly link: () => Link | null;
  /** Hears that a stream has had another leader since some time in the last `sinceMs`. */
  readonly onLeaderChanged: (sinceMs: number) => void;
}

const LOOK_MS = 10_000;

/**
 * Looks after the streams of histories while they are in use.
 *
 * - Keeps their markers young: see {@link HistoryStream.refreshMarker}.
 * - Tells when one has another leader. A leader that vanished with its machine takes along what it had passed on and what was not yet
 *   at the other servers, though its acknowledgement was. The connections of nodes to those stand, clients are told of servers that
 *   go only where NATS advertises them (its chart turns that off), and on a quiet channel nothing later shows what is missing.
 *
 * Cost: with n processes and s streams, n × s / 10 requests a second.
 */
export class HistoryUpkeep {
  readonly #options: HistoryUpkeepOptions;
  readonly #lookMs: number;
  readonly #leaders = new Map<HistoryStream, { readonly leader: string; readonly atMs: number }>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: HistoryUpkeepOptions) {
    this.#options = options;
    this.#lookMs = Math.min(LOOK_MS, ...options.streams.map(({ markerAgeMs }) => markerAgeMs / 2));
  }

  /** Begins. Idempotent. */
  begin(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => void this.#look(), this.#lookMs).unref();
    void this.#look();
  }

  /** Lets go of the timer. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { streams, link: linkNow, onLeaderChanged } = this.#options;
    const link = linkNow();
    if (link === null) return;
    const sinceMs = Math.max(...(await Promise.all(streams.map((stream) => this.#lookAt(stream, link)))));
    if (sinceMs > 0) onLeaderChanged(sinceMs);
  }

  /** How long ago the leader was the one of before; 0 when it is the same, or isn't known. */
  async #lookAt(stream: HistoryStream, link: Link): Promise<number> {
    try {
      const leader = await stream.leader(link);
      await stream.refreshMarker(link);
      return leader === null ? 0 : this.#compare(stream, leader);
    } catch {
      // It isn't there yet, or nobody leads it: a later look tells.
      return 0;
    }
  }

  #compare(stream: HistoryStream, leader: string): number {
    const atMs = performance.now();
    const before = this.#leaders.get(stream);
    this.#leaders.set(stream, { leader, atMs });
    return before === undefined || before.leader === leader ? 0 : atMs - before.atMs;
  }
}
