import type { Clock, Timer } from "@carillon/core";
import { Latch } from "./latch.ts";

/** How much a process does and uses. */
export interface LoadReading {
  /** How long an event that came since the last reading had to wait for the loop at the worst of times, in ms. */
  readonly lagMs: number;
  /** Memory of the process that is in use. */
  readonly memoryBytes: number;
  /** Share of the memory that the process may use, 0 to 1; 0 where there is no limit. */
  readonly memoryShare: number;
  /** Share of the files that the process may have open, 0 to 1; 0 where that isn't known. */
  readonly fileShare: number;
}

/** Tells how a process is. Asked once a second, so it must be cheap. */
export interface LoadSource {
  read(): LoadReading;
  /** Has garbage collected, which may take some 100 ms. Called now and then while nobody is taken in for want of memory. */
  reclaim(): void;
}

/** From where on a gateway takes nobody in. 0 = never for this reason. */
export interface OverloadLimits {
  readonly maxEventLoopLagMs: number;
  readonly maxMemoryPercent: number;
  readonly maxMemoryBytes: number;
  readonly maxOpenFilesPercent: number;
}

/** What a gateway can have too much of. */
export type OverloadReason = "files" | "memory" | "lag";

/** What an Overload stands on. */
export interface OverloadOptions {
  readonly clock: Clock;
  readonly source: LoadSource;
  readonly limits: OverloadLimits;
  /** True when another gateway is known to take connections. */
  readonly hasOthers: () => boolean;
}

const SAMPLE_MS = 1000;

/** Lag that passes within this time is not a reason to be taken out of service, in ms. */
const LASTING_LAG_MS = 10_000;

/** How often garbage is collected for want of memory, in ms: who takes nobody in makes too little of it for that to happen by itself. */
const RECLAIM_EVERY_MS = 15_000;

/** What is half as much again is over; shares and bytes have no such waves. */
const LAG_OPENS_AT = 0.5;
const BYTES_OPEN_AT = 0.95;
const PERCENT_TO_OPEN = 5;

/**
 * Watches whether a gateway has more than it can bear. One timer, whatever the number of connections; whoever decides on a connection
 * reads a field.
 *
 * There are two answers to it. Taking nobody in is the first, and at once. Being out of service is the second, and only where it can help: a
 * wave of clients after a rollout has the loops of all gateways lag at the same time, and were all of them out of service, there
 * would be nowhere to go to, not even for calls of sessions that are here already.
 */
export class Overload {
  readonly #options: OverloadOptions;
  readonly #latches: Readonly<Record<OverloadReason, readonly [Latch, (reading: LoadReading) => number][]>>;
  readonly #timer: Timer;
  #reason: OverloadReason | null = null;
  #lagSinceMs: number | null = null;
  #reclaimedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: OverloadOptions) {
    this.#options = options;
    const { clock, limits } = options;
    const percent = (limit: number) => new Latch({ closesAt: limit, opensBelow: limit - PERCENT_TO_OPEN });
    const scaled = (limit: number, opensAt: number) => new Latch({ closesAt: limit, opensBelow: limit * opensAt });
    this.#latches = {
      files: [[percent(limits.maxOpenFilesPercent), ({ fileShare }) => fileShare * 100]],
      memory: [
        [percent(limits.maxMemoryPercent), ({ memoryShare }) => memoryShare * 100],
        [scaled(limits.maxMemoryBytes, BYTES_OPEN_AT), ({ memoryBytes }) => memoryBytes],
      ],
      lag: [[scaled(limits.maxEventLoopLagMs, LAG_OPENS_AT), ({ lagMs }) => lagMs]],
    };
    this.#timer = clock.every(SAMPLE_MS, () => this.#sample());
  }

  /** Why nobody is to be taken in; null: there is no reason. */
  get reason(): OverloadReason | null {
    return this.#reason;
  }

  /** True when the gateway should be out of service because of {@link reason}. */
  get isOutOfService(): boolean {
    switch (this.#reason) {
      case null:
        return false;
      // Like a full gateway: whoever is sent here is refused for long, or not even accepted.
      case "files":
        return true;
      case "memory":
        return this.#options.hasOthers();
      case "lag":
        return this.#hasLaggedLong() && this.#options.hasOthers();
      default:
        return this.#reason satisfies never;
    }
  }

  /** Ends the watch. */
  close(): void {
    this.#timer.cancel();
  }

  #sample(): void {
    const reading = this.#options.source.read();
    let reason: OverloadReason | null = null;
    // The one that lasts longest is the one that is told.
    for (const each of ["lag", "memory", "files"] as const) {
      for (const [latch, pick] of this.#latches[each]) if (latch.note(pick(reading))) reason = each;
    }
    if (reason !== "lag") this.#lagSinceMs = null;
    else this.#lagSinceMs ??= this.#options.clock.monotonic();
    this.#reason = reason;
    if (reason === "memory") this.#reclaim(this.#options.clock.monotonic());
  }

  #reclaim(nowMs: number): void {
    if (nowMs - this.#reclaimedAtMs < RECLAIM_EVERY_MS) return;
    this.#reclaimedAtMs = nowMs;
    this.#options.source.reclaim();
  }

  #hasLaggedLong(): boolean {
    return this.#lagSinceMs !== null && this.#options.clock.monotonic() - this.#lagSinceMs >= LASTING_LAG_MS;
  }
}
