import type { App } from "../ports/apps.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import { type WebhookEntry, WebhookEntryTooLargeError, type WebhookQueue } from "../ports/webhook-queue.ts";
import type { SourceCounters } from "./source-counters.ts";
import type { WebhookEvent } from "./webhook-event.ts";
import { endpointsFor } from "./webhook-filter.ts";

/** What a WebhookOutbox stands on. */
export interface WebhookOutboxOptions {
  readonly queue: Pick<WebhookQueue, "enqueue">;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly counters: SourceCounters;
  /** Hears when the queue begins to refuse: once, until it takes something again; and of the first event that is too large for it. */
  readonly onRefused: (error: unknown) => void;
  /** Most entries that wait for the queue; what comes on top is dropped and counted. Default 10,000. */
  readonly maxWaiting?: number;
}

const DEFAULT_MAX_WAITING = 10_000;
const BATCH = 500;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/**
 * The way of events from this process into the queue, in their order. It asks the settings of the app who wants an event, so
 * that nothing is queued that nobody wants. While the queue is away it keeps what comes, up to its bound.
 */
export class WebhookOutbox {
  readonly #options: WebhookOutboxOptions;
  readonly #maxWaiting: number;
  #waiting: WebhookEntry[] = [];
  #isSending = false;
  #retry: Timer | null = null;
  #retryMs = FIRST_RETRY_MS;
  #isClosed = false;
  #onEmpty: (() => void) | null = null;

  constructor(options: WebhookOutboxOptions) {
    this.#options = options;
    this.#maxWaiting = options.maxWaiting ?? DEFAULT_MAX_WAITING;
  }

  /** Entries that the queue has not taken yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Tells an app's endpoints of an event. `id` names it for ever: one that was told before is not told again. */
  tell(app: App, id: string, event: WebhookEvent): void {
    const endpoints = endpointsFor(app.settings, event.name, event.channel);
    if (endpoints.length === 0 || this.#isClosed) return;
    const { counters, clock } = this.#options;
    for (const { id: endpointId } of endpoints) {
      if (this.#waiting.length >= this.#maxWaiting) {
        counters.dropped++;
        continue;
      }
      counters.told.set(event.name, (counters.told.get(event.name) ?? 0) + 1);
      this.#waiting.push({ id, appId: app.id, endpointId, queuedAtMs: clock.now(), event });
    }
    if (this.#retry === null) void this.#send();
  }

  /** Takes nothing more, and resolves when the queue has what waits, at the latest after `timeoutMs`. Idempotent. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    if (this.#waiting.length > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#options.clock.after(timeoutMs, resolve);
        this.#onEmpty = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.#retry?.cancel();
    this.#options.counters.dropped += this.#waiting.length;
    this.#waiting = [];
  }

  /** One call at a time: the order of what is queued is that of the calls. */
  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    const { clock, random, onRefused } = this.#options;
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.slice(0, BATCH);
        if (await this.#enqueue(batch)) this.#waiting.splice(0, batch.length);
        this.#retryMs = FIRST_RETRY_MS;
      }
      this.#onEmpty?.();
    } catch (error) {
      if (this.#retryMs === FIRST_RETRY_MS) onRefused(error);
      const delayMs = this.#retryMs * (1 - random() / 2);
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
      this.#retry = clock.after(delayMs, () => {
        this.#retry = null;
        void this.#send();
      });
    } finally {
      this.#isSending = false;
    }
  }

  /** False when one of them was taken out, because it could never be queued and would hold up all others. */
  async #enqueue(batch: readonly WebhookEntry[]): Promise<boolean> {
    const { queue, counters, onRefused } = this.#options;
    try {
      await queue.enqueue(batch);
      return true;
    } catch (error) {
      if (!(error instanceof WebhookEntryTooLargeError)) throw error;
      if (counters.tooLarge === 0) onRefused(error);
      counters.tooLarge++;
      this.#waiting = this.#waiting.filter((each) => each !== error.entry);
      return false;
    }
  }
}
