import { type WebhookConsumer, type WebhookLease, WebhookQueueUnavailableError } from "@carillon/core";
import { pause } from "./deadline.ts";
import { decodeEntry } from "./hook-entry.ts";
import { NatsLease } from "./hook-lease.ts";
import { StreamNotReadyError } from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import { type PullAnswer, type PulledMessage, PullInbox, type PullSource } from "./pull-inbox.ts";

/** What a consumer of a lane needs of its queue. */
export interface ConsumerQueue {
  readonly source: PullSource;
  readonly leaseMs: number;
  /** The connection to use now; null while there is none. */
  readonly link: Link | null;
  /** Makes sure that the lane can be consumed; rejects as streams do. */
  ensure(link: Link): Promise<void>;
  /** It did not answer as it should: look again next time. */
  forget(): void;
  leaseOf(message: PulledMessage): NatsLeaseParts;
  /** Removes what can't be read. */
  discard(message: PulledMessage): Promise<void>;
  /** It takes no more work. */
  onStopped(consumer: NatsWebhookConsumer): void;
}

type NatsLeaseParts = Pick<ConstructorParameters<typeof NatsLease>[0], "queue">;

/** A pull is made anew after this, in ms: a leader that died takes the pulls that it knew with it, without a word. */
const PULL_MS = 5000;
const RETRY_MS = 250;
/** So long trouble may last before it is told. */
const TROUBLE_MS = 5000;

/** Waits for work on one lane. */
export class NatsWebhookConsumer implements WebhookConsumer {
  readonly #queue: ConsumerQueue;
  #inbox: PullInbox | null = null;
  #isStopped = false;

  constructor(queue: ConsumerQueue) {
    this.#queue = queue;
  }

  async next(waitMs: number): Promise<WebhookLease | null> {
    const endMs = performance.now() + waitMs;
    let troubleSinceMs: number | null = null;
    while (!this.#isStopped) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 && troubleSinceMs === null) return null;
      const answer = await this.#ask(Math.max(Math.min(leftMs, PULL_MS), 1));
      if (answer.kind === "message") {
        const lease = await this.#leaseOf(answer.message);
        if (lease !== null) return lease;
      }
      if (answer.kind !== "trouble") {
        troubleSinceMs = null;
        continue;
      }
      troubleSinceMs ??= performance.now();
      if (performance.now() - troubleSinceMs > TROUBLE_MS) throw new WebhookQueueUnavailableError(answer.reason);
      this.#queue.forget();
      await pause(RETRY_MS * (0.75 + Math.random() / 2));
    }
    return null;
  }

  stop(): void {
    this.#isStopped = true;
    this.#inbox?.close();
    this.#queue.onStopped(this);
  }

  /** The connection broke: answers on it are lost. */
  abandon(): void {
    this.#inbox?.abandon();
  }

  async #ask(waitMs: number): Promise<PullAnswer> {
    const { link } = this.#queue;
    if (link === null) return { kind: "trouble", reason: "NATS is not connected" };
    try {
      await this.#queue.ensure(link);
    } catch (error) {
      if (error instanceof StreamNotReadyError) return { kind: "trouble", reason: error.message };
      throw error;
    }
    if (this.#isStopped) return { kind: "nothing" };
    if (this.#inbox?.link !== link) {
      this.#inbox?.close();
      this.#inbox = new PullInbox(link, this.#queue.source);
    }
    return await this.#inbox.pull(waitMs);
  }

  async #leaseOf(message: PulledMessage): Promise<WebhookLease | null> {
    const entry = decodeEntry(message.data);
    if (entry !== null) {
      return new NatsLease({ ...this.#queue.leaseOf(message), message, entry, leaseMs: this.#queue.leaseMs });
    }
    await this.#queue.discard(message);
    return null;
  }
}
