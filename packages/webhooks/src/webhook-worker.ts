import {
  type AppRegistry,
  type Clock,
  WEBHOOK_LANES,
  type WebhookConsumer,
  type WebhookLane,
  type WebhookQueue,
  type WebhookQueueStats,
} from "@carillon/core";
import type { Logger } from "@carillon/service";
import type { RetryRules } from "./backoff.ts";
import { type BatchRules, Delivery } from "./delivery.ts";
import type { ResolveAll } from "./guarded-lookup.ts";
import { WebhookCounters } from "./webhook-counters.ts";
import { WebhookSender } from "./webhook-sender.ts";

/** How a worker works. */
export interface WebhookSettings {
  readonly batch: BatchRules;
  readonly retry: RetryRules;
  /** Most requests to one endpoint at a time from this process, 1 to {@link WEBHOOK_LANES}. */
  readonly concurrency: number;
  /** From the first byte of a request to its answer, in ms. */
  readonly timeoutMs: number;
  /** How long the queue waits for a silent worker, in ms; as it was told to the queue. */
  readonly leaseMs: number;
}

/** What a WebhookWorker stands on. */
export interface WebhookWorkerOptions {
  readonly queue: WebhookQueue;
  readonly apps: AppRegistry;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly log: Logger;
  readonly settings: WebhookSettings;
  /** Resolves names of endpoints; default: the system does. */
  readonly resolve?: ResolveAll;
}

/** How long one question to the queue waits for work. Says nothing about how soon work is begun. */
const WAIT_MS = 30_000;
/** Until a queue that could not be asked is asked again, with up to half of it less. */
const TROUBLE_MS = 2000;
const STATS_EVERY_MS = 5000;
/** A lease is extended so many times before it would run out. */
const BEATS_PER_LEASE = 4;

/**
 * Takes events off the queue and brings them to the endpoints of the apps. Any number of these share the work. It has
 * one waiting consumer for each lane of each endpoint, so what goes wrong at one endpoint holds up nothing elsewhere.
 */
export class WebhookWorker {
  readonly counters = new WebhookCounters();
  readonly #options: WebhookWorkerOptions;
  readonly #delivery: Delivery;
  readonly #sender: WebhookSender;
  /** By lane. Those of endpoints that were removed stay, to make dead letters of what still comes for them. */
  readonly #consumers = new Map<string, { readonly consumer: WebhookConsumer; readonly working: Promise<void> }>();
  readonly #stops: (() => void)[] = [];
  /** Ends the pauses after trouble. */
  readonly #pausing = new Set<() => void>();
  #stats: WebhookQueueStats = { queued: 0, oldestAtMs: null, dead: 0 };
  #isStopping = false;
  #isInTrouble = false;

  constructor(options: WebhookWorkerOptions) {
    const { settings, apps, resolve } = options;
    this.#options = options;
    this.#sender = new WebhookSender({
      timeoutMs: settings.timeoutMs,
      ...(resolve === undefined ? {} : { resolve }),
    });
    this.#delivery = new Delivery({
      ...options,
      ...settings,
      sender: this.#sender,
      counters: this.counters,
      beatMs: settings.leaseMs / BEATS_PER_LEASE,
      appOf: (id) => apps.byId(id),
    });
  }

  /** Begins to work. */
  start(): void {
    const { apps, clock } = this.#options;
    this.#stops.push(apps.onChange(() => this.#workOnAll()));
    const timer = clock.every(STATS_EVERY_MS, () => void this.#readStats());
    this.#stops.push(() => timer.cancel());
    void this.#readStats();
    this.#workOnAll();
  }

  /** What the queue held a few seconds ago. */
  get stats(): WebhookQueueStats {
    return this.#stats;
  }

  /** False while the queue can't be asked. */
  get isQueueAvailable(): boolean {
    return !this.#isInTrouble;
  }

  /** Takes nothing more, and resolves when what is under way has ended. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const stop of this.#stops.splice(0)) stop();
    for (const { consumer } of this.#consumers.values()) consumer.stop();
    for (const end of [...this.#pausing]) end();
    await Promise.all([...this.#consumers.values()].map(({ working }) => working));
    this.#sender.close();
  }

  #workOnAll(): void {
    for (const { id: appId, settings } of this.#options.apps.all) {
      for (const { id: endpointId } of settings.webhooks) {
        for (let lane = 0; lane < WEBHOOK_LANES; lane++) this.#workOn({ appId, endpointId, lane });
      }
    }
  }

  #workOn(lane: WebhookLane): void {
    const key = `${lane.appId}/${lane.endpointId}/${lane.lane}`;
    if (this.#consumers.has(key)) return;
    const consumer = this.#options.queue.consume(lane);
    this.#consumers.set(key, { consumer, working: this.#work(lane, consumer) });
  }

  async #work(lane: WebhookLane, consumer: WebhookConsumer): Promise<void> {
    while (!this.#isStopping) {
      try {
        const lease = await consumer.next(WAIT_MS);
        this.#endTrouble();
        if (lease !== null) await this.#delivery.deliver(lane, lease);
      } catch (error) {
        this.#reportTrouble(error);
        await this.#pause(TROUBLE_MS * (1 - this.#options.random() / 2));
      }
    }
  }

  /** Once for all lanes, until it is over: they all share one queue. */
  #reportTrouble(error: unknown): void {
    if (this.#isInTrouble || this.#isStopping) return;
    this.#isInTrouble = true;
    this.#options.log.warn("webhook_queue_unavailable", { error });
  }

  #endTrouble(): void {
    // A wait that was stopped has an end, and tells nothing about the queue.
    if (this.#isInTrouble && !this.#isStopping) this.#options.log.info("webhook_queue_available");
    this.#isInTrouble = false;
  }

  #pause(ms: number): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        this.#pausing.delete(end);
        timer.cancel();
        resolve();
      };
      const timer = this.#options.clock.after(ms, end);
      this.#pausing.add(end);
    });
  }

  async #readStats(): Promise<void> {
    try {
      this.#stats = await this.#options.queue.stats();
    } catch {
      // Whoever waits for work reports that the queue is away; the numbers stay as they were.
    }
  }
}
