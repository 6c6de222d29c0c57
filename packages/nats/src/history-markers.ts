import type { HistoryStream } from "./history-stream.ts";
import type { Link } from "./link.ts";

/** What a HistoryMarkers stands on. */
export interface HistoryMarkersOptions {
  readonly streams: readonly HistoryStream[];
  /** The connection to use now; null while there is none. */
  readonly link: () => Link | null;
}

const LOOK_MS = 10_000;

/** Keeps the markers of the streams that are in use young: see {@link HistoryStream.refreshMarker}. */
export class HistoryMarkers {
  readonly #options: HistoryMarkersOptions;
  readonly #lookMs: number;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: HistoryMarkersOptions) {
    this.#options = options;
    this.#lookMs = Math.min(LOOK_MS, ...options.streams.map(({ markerAgeMs }) => markerAgeMs / 2));
  }

  /** Begins. Idempotent. */
  begin(): void {
    this.#timer ??= setInterval(() => this.#look(), this.#lookMs).unref();
  }

  /** Lets go of the timer. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #look(): void {
    const link = this.#options.link();
    if (link === null) return;
    // Where it fails, the next look tries again.
    for (const stream of this.#options.streams) stream.refreshMarker(link).catch(() => undefined);
  }
}
