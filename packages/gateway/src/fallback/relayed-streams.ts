import type { Clock, Timer } from "@carillon/core";
import type { HttpStream } from "@carillon/service";
import { RelayedStream, type RelayedStreamOptions } from "./relayed-stream.ts";

/** What RelayedStreams stand on. */
export interface RelayedStreamsOptions {
  readonly clock: Clock;
  /** How long one lives, in ms. */
  readonly lifetimeMs: number;
  readonly nextTicket: () => string;
  readonly onBug: (error: unknown) => void;
}

const TICK_MS = 1000;

/** The event streams of this gateway whose sessions are on others. */
export class RelayedStreams {
  readonly #options: RelayedStreamsOptions;
  readonly #streams = new Set<RelayedStream>();
  readonly #timer: Timer;

  constructor(options: RelayedStreamsOptions) {
    this.#options = options;
    this.#timer = options.clock.every(TICK_MS, () => {
      const nowMs = options.clock.monotonic();
      for (const stream of [...this.#streams]) stream.tick(nowMs);
    });
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Begins one. */
  open(
    stream: HttpStream,
    from: Pick<RelayedStreamOptions, "sessions" | "place" | "channel" | "origin" | "first">,
  ): RelayedStream {
    const relayed = new RelayedStream(stream, {
      ...this.#options,
      ...from,
      nowMs: this.#options.clock.monotonic(),
      onEnded: (ended) => this.#streams.delete(ended),
    });
    this.#streams.add(relayed);
    return relayed;
  }

  /** Those of now. Who ends one does so without a word: its client goes on elsewhere. */
  all(): RelayedStream[] {
    return [...this.#streams];
  }

  /** Ends all of them and lets go of the timer. */
  close(): void {
    this.#timer.cancel();
    for (const stream of this.all()) stream.end();
  }
}
