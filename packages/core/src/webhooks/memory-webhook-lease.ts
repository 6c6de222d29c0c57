import type { Clock, Timer } from "../ports/clock.ts";
import type { DeadLetterReason, WebhookConsumer, WebhookEntry, WebhookLease } from "../ports/webhook-queue.ts";
import { withinLimits } from "./within-limits.ts";

/** What becomes of what a lease holds. */
export type Fate =
  | { readonly kind: "ack" }
  | { readonly kind: "nak"; readonly delayMs: number }
  | { readonly kind: "bury"; readonly reason: DeadLetterReason };

/** What a MemoryLease is made of. */
export interface LeaseParts {
  readonly first: WebhookEntry;
  readonly attempt: number;
  readonly leaseMs: number;
  readonly behind: () => readonly WebhookEntry[];
  readonly settle: (entries: readonly WebhookEntry[], fate: Fate) => void;
}

/** A hold on a lane in memory. */
export class MemoryLease implements WebhookLease {
  readonly attempt: number;
  readonly #clock: Clock;
  readonly #parts: LeaseParts;
  #entries: readonly WebhookEntry[];
  /** Monotonic. */
  untilMs: number;

  constructor(clock: Clock, parts: LeaseParts) {
    this.#clock = clock;
    this.#parts = parts;
    this.attempt = parts.attempt;
    this.#entries = [parts.first];
    this.untilMs = clock.monotonic() + parts.leaseMs;
  }

  get entries(): readonly WebhookEntry[] {
    return this.#entries;
  }

  get isHeld(): boolean {
    return this.#clock.monotonic() < this.untilMs;
  }

  async fill({ entries: limit, bytes: limitBytes }: { entries: number; bytes: number }): Promise<void> {
    this.#entries = withinLimits([this.#parts.first, ...this.#parts.behind()], { entries: limit, bytes: limitBytes });
  }

  extend(): void {
    if (this.isHeld) this.untilMs = this.#clock.monotonic() + this.#parts.leaseMs;
  }

  async ack(): Promise<void> {
    this.#parts.settle(this.#entries, { kind: "ack" });
  }

  async nak(delayMs: number): Promise<void> {
    this.#parts.settle(this.#entries, { kind: "nak", delayMs });
  }

  async bury(reason: DeadLetterReason): Promise<void> {
    this.#parts.settle(this.#entries, { kind: "bury", reason });
  }
}

/** A wait for work on a lane in memory. */
export class MemoryConsumer implements WebhookConsumer {
  readonly #clock: Clock;
  readonly #lane: { join(consumer: MemoryConsumer): void; leave(consumer: MemoryConsumer): void };
  #resolve: ((lease: WebhookLease | null) => void) | null = null;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(clock: Clock, lane: { join(consumer: MemoryConsumer): void; leave(consumer: MemoryConsumer): void }) {
    this.#clock = clock;
    this.#lane = lane;
  }

  next(waitMs: number): Promise<WebhookLease | null> {
    if (this.#isStopped) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#timer = this.#clock.after(waitMs, () => this.give(null));
      try {
        this.#lane.join(this);
      } catch (error) {
        reject(error);
        this.give(null);
      }
    });
  }

  give(lease: WebhookLease | null): void {
    this.#timer?.cancel();
    if (lease === null) this.#lane.leave(this);
    this.#resolve?.(lease);
    this.#resolve = null;
  }

  stop(): void {
    this.#isStopped = true;
    this.give(null);
  }
}
