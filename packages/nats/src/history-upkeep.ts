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
const FIRST_LOOK_MS = 1_000;

/**
 * Looks after the streams of histories while they are in use.
 *
 * - Keeps their markers young: see {@link StreamMarker.refresh}.
 * - Tells when one has another leader. A leader that vanished with its machine takes along what it had passed on and what was not yet
 *   at the other servers, though its acknowledgement was. The connections of nodes to those stand, clients are told of servers that
 *   go only where NATS advertises them (its chart turns that off), and on a quiet channel nothing later shows what is missing.
 *
 * Cost: with n processes and s streams, n × s / 10 requests a second.
 */
export class HistoryUpkeep {
  readonly #options: HistoryUpkeepOptions;
  readonly #lookMs: number;
  readonly #askedAtMs = new Map<HistoryStream, number>();
  readonly #leaders = new Map<HistoryStream, { readonly leader: string; readonly atMs: number }>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: HistoryUpkeepOptions) {
    this.#options = options;
    this.#lookMs = Math.min(LOOK_MS, ...options.streams.map(({ marker }) => marker.oldAfterMs / 2));
  }

  /** Begins. Idempotent. */
  begin(): void {
    this.#timer ??= setInterval(() => this.#look(), Math.min(FIRST_LOOK_MS, this.#lookMs)).unref();
  }

  /** Lets go of the timer. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #look(): void {
    const link = this.#options.link();
    if (link === null) return;
    for (const stream of this.#options.streams) {
      if (!this.#isDue(stream)) continue;
      this.#askedAtMs.set(stream, performance.now());
      // Nobody leads it, or NATS is away: a later look tells.
      this.#lookAt(stream, link).catch(() => undefined);
    }
  }

  /** Of a stream that has just come into use it is to be known at once who leads it. */
  #isDue(stream: HistoryStream): boolean {
    if (stream.epoch === "") return false;
    const askedAtMs = this.#askedAtMs.get(stream) ?? 0;
    return !this.#leaders.has(stream) || performance.now() - askedAtMs >= this.#lookMs;
  }

  async #lookAt(stream: HistoryStream, link: Link): Promise<void> {
    const leader = await stream.leader(link);
    if (leader !== null) this.#note(stream, leader);
    await stream.marker.refresh(link);
  }

  #note(stream: HistoryStream, leader: string): void {
    const atMs = performance.now();
    const before = this.#leaders.get(stream);
    this.#leaders.set(stream, { leader, atMs });
    if (before !== undefined && before.leader !== leader) this.#options.onLeaderChanged(atMs - before.atMs);
  }
}
