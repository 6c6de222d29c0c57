import {
  type App,
  type Clock,
  type DeadLetterReason,
  type WebhookEndpoint,
  type WebhookEntry,
  type WebhookLane,
  type WebhookLease,
  WebhookQueueUnavailableError,
} from "@carillon/core";
import type { Logger } from "@carillon/service";
import { type RetryRules, retryDelayMs } from "./backoff.ts";
import { Slots } from "./slots.ts";
import type { WebhookCounters } from "./webhook-counters.ts";
import { webhookRequestOf } from "./webhook-request.ts";
import type { Attempt, WebhookSender } from "./webhook-sender.ts";

/** How events are put together. */
export interface BatchRules {
  /** Most events in one request; 1 = each alone. */
  readonly events: number;
  /** Most bytes of events in one request. */
  readonly bytes: number;
  /** How long the first event waits for others, in ms. */
  readonly waitMs: number;
}

/** What a Delivery stands on. */
export interface DeliveryOptions {
  /** The app with this id; null when there is none. */
  readonly appOf: (appId: string) => App | null;
  readonly sender: WebhookSender;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly counters: WebhookCounters;
  readonly log: Logger;
  readonly batch: BatchRules;
  readonly retry: RetryRules;
  /** How often a lease is extended while something is done with it, in ms. */
  readonly beatMs: number;
  /** Most requests to one endpoint at a time. */
  readonly concurrency: number;
}

/** What is delivered where. */
interface Target {
  readonly lane: WebhookLane;
  readonly app: App;
  readonly endpoint: WebhookEndpoint;
}

/** What a worker does with a lease: brings its events to the endpoint, once, and settles it by how that went. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #slots = new Map<string, Slots>();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Never rejects: when the queue can't be told how it went, the events come again, and that is logged. */
  async deliver(lane: WebhookLane, lease: WebhookLease): Promise<void> {
    const { clock, beatMs, log } = this.#options;
    const beating = clock.every(beatMs, () => lease.extend());
    try {
      const target = this.#targetOf(lane);
      if (target === null) await this.#bury(lane, lease, "endpoint_removed");
      else await this.#deliver(target, lease);
    } catch (error) {
      if (!(error instanceof WebhookQueueUnavailableError)) throw error;
      log.warn("webhook_not_settled", { ...fieldsOf(lane, lease.entries), error });
    } finally {
      beating.cancel();
    }
  }

  async #deliver(target: Target, lease: WebhookLease): Promise<void> {
    await this.#gather(lease);
    const attempt = await this.#slotsOf(target.lane).run(() => this.#attempt(target, lease));
    if (attempt === null) return;
    if (attempt.outcome === "delivered") return await lease.ack();
    await this.#putOff(target, lease, attempt);
  }

  /** After a failure the first event goes alone: one that the endpoint can't take holds up its channel, but shows itself. */
  async #gather(lease: WebhookLease): Promise<void> {
    const { batch, clock } = this.#options;
    if (lease.attempt > 1 || batch.events === 1) return;
    if (batch.waitMs > 0) await new Promise<void>((resolve) => clock.after(batch.waitMs, resolve));
    await lease.fill({ entries: batch.events, bytes: batch.bytes });
  }

  async #attempt({ app, endpoint, lane }: Target, lease: WebhookLease): Promise<Attempt | null> {
    const { clock, sender, counters, log } = this.#options;
    // This process stood still: another worker may have the lane, and be ahead.
    if (!lease.isHeld) {
      log.warn("webhook_lease_lost", fieldsOf(lane, lease.entries));
      return null;
    }
    const { entries } = lease;
    const startMs = clock.monotonic();
    const request = webhookRequestOf({ app: app.settings, endpoint, entries, nowMs: clock.now() });
    const attempt = await sender.send(endpoint, request);
    const durationMs = clock.monotonic() - startMs;
    counters.attempted(attempt, entries.length, durationMs);
    if (attempt.outcome === "delivered") {
      log.debug("webhook_delivered", { ...fieldsOf(lane, entries), attempt: lease.attempt, durationMs });
    }
    return attempt;
  }

  async #putOff({ lane, endpoint }: Target, lease: WebhookLease, { outcome, status, reason }: Attempt): Promise<void> {
    const { clock, retry, random, log } = this.#options;
    const [first] = lease.entries;
    const fields = { ...fieldsOf(lane, lease.entries), attempt: lease.attempt, outcome, status, reason };
    const host = new URL(endpoint.url).host;
    if (clock.now() - (first?.queuedAtMs ?? 0) < retry.horizonMs) {
      const delayMs = retryDelayMs(retry, lease.attempt, random());
      log.warn("webhook_failed", { ...fields, host, retryInMs: delayMs });
      await lease.nak(delayMs);
    } else if (lease.entries.length > 1) {
      // Only the first is known to be too old.
      log.warn("webhook_failed", { ...fields, host, retryInMs: 0 });
      await lease.nak(0);
    } else {
      log.warn("webhook_failed", { ...fields, host });
      await this.#bury(lane, lease, "expired");
    }
  }

  async #bury(lane: WebhookLane, lease: WebhookLease, reason: DeadLetterReason): Promise<void> {
    const { counters, log } = this.#options;
    await lease.bury(reason);
    counters.buried(lease.entries.length);
    log.error("webhook_dead", { ...fieldsOf(lane, lease.entries), attempts: lease.attempt, reason });
  }

  #targetOf(lane: WebhookLane): Target | null {
    const app = this.#options.appOf(lane.appId);
    const endpoint = app?.settings.webhooks.find(({ id }) => id === lane.endpointId);
    return app === null || endpoint === undefined ? null : { lane, app, endpoint };
  }

  #slotsOf({ appId, endpointId }: WebhookLane): Slots {
    const key = `${appId}/${endpointId}`;
    let slots = this.#slots.get(key);
    if (slots === undefined) {
      slots = new Slots(this.#options.concurrency);
      this.#slots.set(key, slots);
    }
    return slots;
  }
}

/** Who a line of log is about. Ids say which events; what is in them stays out. */
function fieldsOf({ appId, endpointId, lane }: WebhookLane, entries: readonly WebhookEntry[]) {
  return { app: appId, endpoint: endpointId, lane, events: entries.length, ids: entries.map(({ id }) => id) };
}
