import {
  type WebhookConsumer,
  type WebhookEntry,
  type WebhookLane,
  type WebhookLease,
  type WebhookQueue,
  webhookLaneOf,
} from "@carillon/core";

/** One webhook queue under test, as several processes see it. */
export interface WebhookQueueHarness {
  /** How long a silent worker keeps its lane, in ms: short, as tests wait for it, but longer than a busy machine pauses. */
  readonly leaseMs: number;
  /** The queue as one more process sees it. */
  createQueue(): Promise<WebhookQueue>;
  /** Ends everything. */
  close(): Promise<void>;
}

/** Longer than anything takes that is going to happen. */
export const LONG_MS = 10_000;
/** Long enough to see that nothing comes. */
export const SHORT_MS = 200;

/** What the tests of one suite share. */
export class WebhookQueueSuite {
  readonly #createHarness: () => Promise<WebhookQueueHarness>;
  readonly #consumers: WebhookConsumer[] = [];
  #harness: WebhookQueueHarness | undefined;
  #apps = 0;

  constructor(createHarness: () => Promise<WebhookQueueHarness>) {
    this.#createHarness = createHarness;
  }

  get harness(): WebhookQueueHarness {
    if (this.#harness === undefined) throw new Error("the harness has not started");
    return this.#harness;
  }

  async start(): Promise<void> {
    this.#harness = await this.#createHarness();
  }

  queue(): Promise<WebhookQueue> {
    return this.harness.createQueue();
  }

  /** An app that no other test uses. */
  app(): string {
    this.#apps++;
    return `app-${this.#apps}`;
  }

  /** A consumer that ends with the test. */
  consume(queue: WebhookQueue, lane: WebhookLane): WebhookConsumer {
    const consumer = queue.consume(lane);
    this.#consumers.push(consumer);
    return consumer;
  }

  endTest(): void {
    for (const consumer of this.#consumers.splice(0)) consumer.stop();
  }

  async stop(): Promise<void> {
    await this.#harness?.close();
  }
}

/** An entry about a channel, to be told to the endpoint `e` unless another is named. */
export function entryOf(appId: string, id: string, { channel = "c", endpointId = "e" } = {}): WebhookEntry {
  return { id, appId, endpointId, queuedAtMs: 1_700_000_000_000, event: { name: "channel_occupied", channel } };
}

/** The lane that {@link entryOf} puts a channel into. */
export function laneFor(appId: string, { channel = "c", endpointId = "e" } = {}): WebhookLane {
  return { appId, endpointId, lane: webhookLaneOf(channel) };
}

/** The next lease, which must come. */
export async function take(consumer: WebhookConsumer): Promise<WebhookLease> {
  const lease = await consumer.next(LONG_MS);
  if (lease === null) throw new Error("nothing came");
  return lease;
}

/** The ids of what a lease holds. */
export function idsOf(lease: WebhookLease): string[] {
  return lease.entries.map(({ id }) => id);
}
