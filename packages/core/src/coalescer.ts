import type { Channel } from "./channel.ts";
import type { Clock, Timer } from "./ports/clock.ts";
import type { NodeCounters } from "./ports/metrics.ts";

/** What a Coalescer stands on. */
export interface CoalescerOptions {
  readonly clock: Clock;
  readonly counters: Pick<NodeCounters, "publicationsCoalesced">;
  /** Longest time that a publication is kept, in ms; 0: none ever is. */
  readonly windowMs: number;
  /** Brings a publication to the channel's subscribers. */
  readonly deliver: (channel: Channel, envelope: Uint8Array, position: string | undefined) => void;
}

interface Kept {
  readonly envelope: Uint8Array;
  readonly position: string | undefined;
}

/** Where a channel stands that has many subscribers. */
export interface Burst {
  /** When its last write began, in monotonic milliseconds. */
  beganAtMs: number;
  /** When that write had left; Infinity while it is under way. */
  leftAtMs: number;
  /** True until what this turn of the event loop writes leaves: publications still join the write. */
  isOpen: boolean;
  /** How many publications that write carries. */
  carried: number;
  /** True when these are several that had waited for each other. */
  isHot: boolean;
  kept: Kept[];
  keptBytes: number;
}

/**
 * One subscriber more lets a publication wait so much longer, in ms: a channel is written at most 10,000 times a second, over all its
 * subscribers. A write of some 8 µs for each of them is nearly all that a delivery costs.
 */
const MS_PER_SUBSCRIBER = 0.1;

/**
 * While publications do come together, a pause is not one before it has lasted for so many windows: the first one behind each write would
 * go alone otherwise, which doubles the writes of whoever publishes the next events when the last ones have arrived.
 */
const HOT_PAUSE = 4;

/** Timers are no finer. */
const GRAIN_MS = 1;

/** uWebSockets.js puts so many frames, and so many bytes, together for a connection; with more, waiting on gains nothing. */
const MOST_KEPT = 32;
const MOST_KEPT_BYTES = 16 * 1024;

/**
 * The coalescing window: publications of a busy channel wait some milliseconds for each other, so that a connection gets them in one
 * write. What comes after a pause is never kept: only what follows on another, within the window behind its write, waits for the rest
 * of it, and while several come together in each window the next ones do too. Behind a write of several, a pause that is shorter
 * than the write was is none either: a channel that is written for more than half of the time gains by every write that it is spared. So a
 * channel that is published to less often than every window has no delay, and one that few listen to neither. What comes in one turn of the
 * event loop leaves in one write anyway, and never waits.
 *
 * Order is kept: whoever tells a channel's subscribers anything else, or changes who they are, calls {@link flush} before.
 */
export class Coalescer {
  readonly #options: CoalescerOptions;
  readonly #waiting = new Set<Channel>();
  #written: Burst[] = [];
  #timer: Timer | null = null;

  constructor(options: CoalescerOptions) {
    this.#options = options;
  }

  /** Brings a publication to the channel's subscribers, now or within the window. `envelope` is copied where it has to wait. */
  deliver(channel: Channel, envelope: Uint8Array, position: string | undefined): void {
    const { clock, windowMs, deliver } = this.#options;
    const ownMs = Math.min(windowMs, channel.subscribers * MS_PER_SUBSCRIBER);
    if (ownMs < GRAIN_MS) {
      deliver(channel, envelope, position);
      return;
    }
    channel.burst ??= createBurst();
    const { burst } = channel;
    const leftMs = burst.isOpen ? 0 : burst.leftAtMs + pauseOf(burst, ownMs) - clock.monotonic();
    if (burst.kept.length === 0 && leftMs <= 0) {
      if (burst.isOpen) burst.carried++;
      else this.#begin(burst, { isOpen: true, carried: 1, isHot: false });
      deliver(channel, envelope, position);
      return;
    }
    this.#keep(channel, burst, { envelope: new Uint8Array(envelope), position });
    if (burst.kept.length >= MOST_KEPT || burst.keptBytes >= MOST_KEPT_BYTES) this.flush(channel);
    else this.#timer ??= clock.after(Math.min(Math.max(leftMs, GRAIN_MS), ownMs), () => this.#onTimer());
  }

  /** Delivers what waits for this channel. */
  flush(channel: Channel): void {
    const { burst } = channel;
    if (burst === null || burst.kept.length === 0) return;
    const { kept } = burst;
    burst.kept = [];
    burst.keptBytes = 0;
    this.#waiting.delete(channel);
    this.#begin(burst, { isOpen: false, carried: kept.length, isHot: kept.length > 1 });
    for (const { envelope, position } of kept) this.#options.deliver(channel, envelope, position);
  }

  /** Delivers all that waits. */
  flushAll(): void {
    for (const channel of this.#waiting) this.flush(channel);
  }

  /** Delivers all that waits, and lets go of the timer. */
  close(): void {
    this.#timer?.cancel();
    this.flushAll();
  }

  // A write that a timer begins leaves before the bus is read again, so nothing can join it.
  #begin(burst: Burst, kind: Pick<Burst, "isOpen" | "carried" | "isHot">): void {
    Object.assign(burst, kind);
    burst.beganAtMs = this.#options.clock.monotonic();
    burst.leftAtMs = Number.POSITIVE_INFINITY;
    if (this.#written.push(burst) === 1) this.#options.clock.afterTurn(() => this.#onLeft());
  }

  #onLeft(): void {
    const leftAtMs = this.#options.clock.monotonic();
    for (const burst of this.#written) {
      burst.isOpen = false;
      burst.leftAtMs = leftAtMs;
    }
    this.#written = [];
  }

  #keep(channel: Channel, burst: Burst, kept: Kept): void {
    this.#options.counters.publicationsCoalesced++;
    burst.kept.push(kept);
    burst.keptBytes += kept.envelope.length;
    this.#waiting.add(channel);
  }

  // One timer for all channels: who is on several of them gets all in one write.
  #onTimer(): void {
    this.#timer = null;
    this.flushAll();
  }
}

function createBurst(): Burst {
  const leftAtMs = Number.NEGATIVE_INFINITY;
  return { beganAtMs: 0, leftAtMs, isOpen: false, carried: 0, isHot: false, kept: [], keptBytes: 0 };
}

/** How long nothing must have come behind a write for the next publication to go at once, in ms. */
function pauseOf({ beganAtMs, leftAtMs, carried, isHot }: Burst, ownMs: number): number {
  return Math.max(isHot ? ownMs * HOT_PAUSE : ownMs, carried > 1 ? leftAtMs - beganAtMs : 0);
}
