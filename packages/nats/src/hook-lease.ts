import {
  type DeadLetterReason,
  type WebhookEntry,
  type WebhookLease,
  WebhookQueueUnavailableError,
  withinLimits,
} from "@carillon/core";
import type { PulledMessage } from "./pull-inbox.ts";

/** An entry, and where it stands in the stream. */
export interface StoredEntry {
  readonly sequence: number;
  readonly entry: WebhookEntry;
}

/** What a lease does at the queue. Each settles when JetStream has confirmed it. */
export interface LeaseQueue {
  /** The entries of the lane from a sequence on, as far as a copy of the stream has them. */
  readBehind(sequence: number, count: number): Promise<readonly StoredEntry[]>;
  /** Removes entries that were not handed out. */
  remove(sequences: readonly number[]): Promise<void>;
  /** Says something about the message that was handed out. */
  settle(message: PulledMessage, word: string): Promise<void>;
  /** Stores dead letters. */
  bury(stored: readonly StoredEntry[], reason: DeadLetterReason, attempts: number): Promise<void>;
}

/** What a NatsLease begins with. */
export interface NatsLeaseOptions {
  readonly queue: LeaseQueue;
  readonly message: PulledMessage;
  readonly entry: WebhookEntry;
  readonly leaseMs: number;
}

/** What of a lease a worker takes for its own: the server's clock began to run before the entry was here. */
const OWN_SHARE = 0.8;

/**
 * A lane's consumer hands out one message and nothing else until that is settled. What stands behind it is therefore this
 * worker's to read from the stream and, once it was delivered, to delete, before the first one is acknowledged.
 */
export class NatsLease implements WebhookLease {
  readonly #options: NatsLeaseOptions;
  #stored: readonly StoredEntry[];
  #untilMs: number;

  constructor(options: NatsLeaseOptions) {
    this.#options = options;
    this.#stored = [{ sequence: options.message.sequence, entry: options.entry }];
    this.#untilMs = performance.now() + options.leaseMs * OWN_SHARE;
  }

  get entries(): readonly WebhookEntry[] {
    return this.#stored.map(({ entry }) => entry);
  }

  get attempt(): number {
    return this.#options.message.deliveries;
  }

  get isHeld(): boolean {
    return performance.now() < this.#untilMs;
  }

  async fill({ entries, bytes }: { readonly entries: number; readonly bytes: number }): Promise<void> {
    const { queue, message } = this.#options;
    const first = this.#stored.slice(0, 1);
    const behind = entries > 1 ? await queue.readBehind(message.sequence + 1, entries - 1) : [];
    const all = [...first, ...behind];
    const fitting = withinLimits(
      all.map(({ entry }) => entry),
      { entries, bytes },
    );
    this.#stored = all.slice(0, fitting.length);
  }

  extend(): void {
    if (!this.isHeld) return;
    const untilMs = performance.now() + this.#options.leaseMs * OWN_SHARE;
    this.#options.queue.settle(this.#options.message, "+WPI").then(
      () => {
        if (this.isHeld) this.#untilMs = untilMs;
      },
      // NATS may not have heard it, so the lease runs on as it was; the next one may be heard.
      () => undefined,
    );
  }

  async ack(): Promise<void> {
    this.#assertHeld();
    const { queue, message } = this.#options;
    await queue.remove(this.#stored.slice(1).map(({ sequence }) => sequence));
    await queue.settle(message, "+ACK");
  }

  async nak(delayMs: number): Promise<void> {
    this.#assertHeld();
    const delay = delayMs > 0 ? ` ${JSON.stringify({ delay: Math.round(delayMs) * 1_000_000 })}` : "";
    await this.#options.queue.settle(this.#options.message, `-NAK${delay}`);
  }

  async bury(reason: DeadLetterReason): Promise<void> {
    this.#assertHeld();
    await this.#options.queue.bury(this.#stored, reason, this.attempt);
    await this.ack();
  }

  /** What somebody else may be delivering by now is not this worker's to remove. */
  #assertHeld(): void {
    if (!this.isHeld) throw new WebhookQueueUnavailableError("the lease has run out");
  }
}
