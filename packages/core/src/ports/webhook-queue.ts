import type { WebhookEvent } from "../webhooks/webhook-event.ts";

/** One event that one endpoint is to be told of. */
export interface WebhookEntry {
  /** Names the event for ever: the same at each attempt, after a replay, and at each endpoint. 1 to 128 of `A-Z a-z 0-9 . _ : -`. */
  readonly id: string;
  readonly appId: string;
  /** The {@link WebhookEndpoint.id} of the endpoint. */
  readonly endpointId: string;
  /** When it was queued, in milliseconds since 1970: attempts end a certain time after it. A replay sets it anew. */
  readonly queuedAtMs: number;
  readonly event: WebhookEvent;
}

/** A part of what is queued for an endpoint: the channels that {@link webhookLaneOf} puts there, in their order. */
export interface WebhookLane {
  readonly appId: string;
  readonly endpointId: string;
  /** 0 to {@link WEBHOOK_LANES} - 1. */
  readonly lane: number;
}

/** Why an event was given up. */
export type DeadLetterReason = "expired" | "endpoint_removed";

/** An event that was given up: its endpoint didn't take it in time, or is configured no more. */
export interface DeadLetter {
  /** Names it among all dead letters; rises from older to newer. */
  readonly number: number;
  readonly entry: WebhookEntry;
  readonly reason: DeadLetterReason;
  /** How often it was tried since it was queued, as far as that is known. */
  readonly attempts: number;
  /** When it was given up, in milliseconds since 1970. */
  readonly deadAtMs: number;
}

/** Which dead letters to read. */
export interface DeadLetterQuery {
  /** Of this app; absent: of all. */
  readonly appId?: string;
  /** Those behind this {@link DeadLetter.number}; 0 begins at the oldest. */
  readonly after: number;
  /** Most letters in the answer, 1 to 1,000. */
  readonly limit: number;
}

/** How much is queued, and for how long. */
export interface WebhookQueueStats {
  /** Entries that wait or are being delivered. */
  readonly queued: number;
  /** When the oldest of them was queued, in milliseconds since 1970; null when there is none. */
  readonly oldestAtMs: number | null;
  /** Dead letters that are kept. */
  readonly dead: number;
}

/**
 * The hold that one worker has on one lane: nobody else gets anything of the lane until it is settled, or lost. Settled once,
 * by one of `ack`, `nak` and `bury`; each rejects with {@link WebhookQueueUnavailableError} when the queue can't be told, and
 * the entries come again then, when the lease has run out.
 */
export interface WebhookLease {
  /** The oldest entries of the lane, in their order: one at first, more after {@link fill}. */
  readonly entries: readonly WebhookEntry[];
  /** How often the first of them has been taken, this time included; at least 1. */
  readonly attempt: number;
  /** False when too much time has passed since the lane was taken or extended: another worker may have it now. */
  readonly isHeld: boolean;
  /** Reads what stands behind the first entry, up to so many entries and bytes of JSON in all. What can't be read stays for later. */
  fill(limits: { readonly entries: number; readonly bytes: number }): Promise<void>;
  /** Says that this worker is still at it. To be called well before the lease runs out. */
  extend(): void;
  /** They are delivered: removes all of them for good. */
  ack(): Promise<void>;
  /** They are not delivered: the first of them comes again after `delayMs`, and nothing of the lane before it. */
  nak(delayMs: number): Promise<void>;
  /** They are given up: makes dead letters of all of them. */
  bury(reason: DeadLetterReason): Promise<void>;
}

/** A worker's wait for work on one lane. Not to be asked again before it has answered. */
export interface WebhookConsumer {
  /**
   * The next lease; null when there was nothing for `waitMs`, or it has been stopped. Rejects with
   * {@link WebhookQueueUnavailableError} when the queue can't be asked.
   */
  next(waitMs: number): Promise<WebhookLease | null>;
  /** Ends the wait, also one that is under way. What is held stays held. Idempotent. */
  stop(): void;
}

/**
 * Events on their way to applications.
 *
 * Who calls it: WebhookOutbox (enqueue), the workers (consume, stats), the command line (dead, revive).
 *
 * Promises, which `describeWebhookQueue` of the testkit checks on every implementation:
 * - An accepted entry is kept until it is acknowledged or buried, whatever happens to workers.
 * - Entries of a lane are handed out in the order in which one process queued them, and by one worker at a time. Those
 *   of different processes have no order between them.
 * - A worker that is gone holds its lane no longer than a lease lasts.
 * - At least once: an entry may be handed out again after it was delivered, with the same id.
 */
export interface WebhookQueue {
  /**
   * Queues entries. Resolves when all of them are kept. The order of calls is kept for those of a lane as long as no call
   * is made before the one before it has settled. Rejects with {@link WebhookQueueUnavailableError}: some of them may be
   * kept then, and the same call made again keeps the others; within minutes an id is kept once for each endpoint. Rejects with
   * {@link WebhookEntryTooLargeError}, and keeps none of them, when one of them can never be kept.
   */
  enqueue(entries: readonly WebhookEntry[]): Promise<void>;

  /** Begins to take work off a lane. Any number of workers may do so at a time. */
  consume(lane: WebhookLane): WebhookConsumer;

  /** Rejects with {@link WebhookQueueUnavailableError}. */
  stats(): Promise<WebhookQueueStats>;

  /** Dead letters from the oldest on. Rejects with {@link WebhookQueueUnavailableError}. */
  dead(query: DeadLetterQuery): Promise<readonly DeadLetter[]>;

  /**
   * Queues the entry of a dead letter again, as if it had been queued at `nowMs`, and removes the letter. False when it was
   * no longer there. Rejects with {@link WebhookQueueUnavailableError}; to be repeated then, which queues nothing twice.
   */
  revive(letter: DeadLetter, nowMs: number): Promise<boolean>;

  /** Lets go of everything that waits. Idempotent. */
  close(): void;
}

/** Lanes of each endpoint: as many requests may be under way to it, and a channel is always in the same one. Part of what is stored. */
export const WEBHOOK_LANES = 4;

/** The lane of a channel: FNV-1a (32 bits) over its UTF-16 units, as every version must agree on it. */
export function webhookLaneOf(channel: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < channel.length; at++) hash = Math.imul(hash ^ channel.charCodeAt(at), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % WEBHOOK_LANES;
}

/** An entry has more bytes than the queue takes. Retrying is of no use. */
export class WebhookEntryTooLargeError extends Error {
  override readonly name = "WebhookEntryTooLargeError";
  readonly entry: WebhookEntry;

  constructor(entry: WebhookEntry, message: string) {
    super(message);
    this.entry = entry;
  }
}

/** The queue of webhooks could not take something over, or could not be asked. Retrying later is right. */
export class WebhookQueueUnavailableError extends Error {
  override readonly name = "WebhookQueueUnavailableError";
}
