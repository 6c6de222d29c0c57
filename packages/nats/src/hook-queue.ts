import {
  type DeadLetter,
  type DeadLetterQuery,
  type DeadLetterReason,
  type WebhookConsumer,
  type WebhookEntry,
  WebhookEntryTooLargeError,
  type WebhookLane,
  type WebhookQueue,
  type WebhookQueueStats,
  WebhookQueueUnavailableError,
  webhookLaneOf,
} from "@carillon/core";
import { pause } from "./deadline.ts";
import { HistoryBatchInbox } from "./history-batch.ts";
import { deadStreamConfig, hookStreamConfig, laneConsumerConfig, type WebhookStreamSettings } from "./hook-config.ts";
import { NatsWebhookConsumer } from "./hook-consumer.ts";
import { decodeDeadLetter, decodeEntry, encodeDeadLetter, encodeEntry } from "./hook-entry.ts";
import type { LeaseQueue, StoredEntry } from "./hook-lease.ts";
import { HookStream, hookApi } from "./hook-stream.ts";
import { StreamNotReadyError } from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import type { NatsLog } from "./log.ts";
import type { PulledMessage } from "./pull-inbox.ts";
import { SharedAttempt } from "./shared-attempt.ts";
import { StreamPublisher } from "./stream-publisher.ts";
import type { SubjectSpace } from "./subject.ts";

/** What a NatsWebhookQueue stands on. */
export interface NatsWebhookQueueOptions {
  readonly space: SubjectSpace;
  readonly settings: WebhookStreamSettings;
  readonly log: NatsLog;
  /** The connection to use now; null while there is none. */
  readonly link: () => Link | null;
}

const NOT_CONNECTED = "NATS is not connected";
const RETRY_MS = 250;
const SETTLE_TIMEOUT_MS = 2000;
/** What an entry leaves free of a message, in bytes: for the id in its header, and for what a dead letter adds to it. */
const ROOM_BYTES = 1024;

const encoder = new TextEncoder();

/** The {@link WebhookQueue} on JetStream: a work-queue stream, a durable consumer for each lane, and a stream of dead letters. */
export class NatsWebhookQueue implements WebhookQueue {
  readonly #options: NatsWebhookQueueOptions;
  readonly #queue: HookStream;
  readonly #dead: HookStream;
  readonly #publisher: StreamPublisher;
  /** Consumers that are known to be there. */
  readonly #consumers = new Map<string, SharedAttempt>();
  /** Those that have not been stopped. */
  readonly #waiting = new Set<NatsWebhookConsumer>();
  #batches: HistoryBatchInbox | null = null;

  constructor(options: NatsWebhookQueueOptions) {
    const { space, settings, log, link } = options;
    this.#options = options;
    this.#queue = new HookStream(hookStreamConfig(space, settings), log);
    this.#dead = new HookStream(deadStreamConfig(space, settings), log);
    this.#publisher = new StreamPublisher({
      link,
      outlivesOutage: true,
      disconnected: () => new WebhookQueueUnavailableError(NOT_CONNECTED),
      unavailable: (message) => new WebhookQueueUnavailableError(message),
    });
  }

  /** What waits is kept in this. */
  get queueStream(): HookStream {
    return this.#queue;
  }

  /** What was given up is kept in this. */
  get deadStream(): HookStream {
    return this.#dead;
  }

  async enqueue(entries: readonly WebhookEntry[]): Promise<void> {
    const bySubject = new Map<string, EncodedEntry[]>();
    for (const entry of entries) {
      const subject = this.#options.space.ofLane("hook", laneOf(entry));
      const encoded = { messageId: messageIdOf(entry), data: this.#encode(entry) };
      const before = bySubject.get(subject);
      if (before === undefined) bySubject.set(subject, [encoded]);
      else before.push(encoded);
    }
    const results = await Promise.allSettled([...bySubject].map(([subject, each]) => this.#publishAll(subject, each)));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  consume(lane: WebhookLane): WebhookConsumer {
    const { space, settings } = this.#options;
    const subject = space.ofLane("hook", lane);
    const name = `${lane.appId}_${lane.endpointId}_${lane.lane}`;
    const queue = this;
    const consumer = new NatsWebhookConsumer({
      source: { stream: this.#queue.name, consumer: name },
      leaseMs: settings.leaseMs,
      get link() {
        return queue.#options.link();
      },
      ensure: (link) => this.#ensureConsumer(link, name, subject),
      forget: () => this.#consumers.get(name)?.forget(),
      leaseOf: () => ({ queue: this.#leaseQueue(lane, subject) }),
      discard: async (message) => {
        this.#options.log.error("webhook_entry_unreadable", { sequence: message.sequence });
        await this.#settle(message, "+ACK");
      },
      onStopped: (stopped) => void this.#waiting.delete(stopped),
    });
    this.#waiting.add(consumer);
    return consumer;
  }

  async stats(): Promise<WebhookQueueStats> {
    const [queue, dead] = await this.#tried(async (link) => [
      await this.#queue.state(link),
      await this.#dead.state(link),
    ]);
    return {
      queued: queue?.messages ?? 0,
      oldestAtMs: queue === undefined || queue.messages === 0 ? null : Date.parse(queue.first_ts ?? ""),
      dead: dead?.messages ?? 0,
    };
  }

  async dead({ appId, after, limit }: DeadLetterQuery): Promise<readonly DeadLetter[]> {
    const { space } = this.#options;
    const subject = appId === undefined ? space.all("dead") : space.ofApp("dead", appId);
    const stored = await this.#tried(async (link) => {
      await this.#dead.ensure(link);
      return await this.#batchesOn(link).read({ stream: this.#dead.name, subject, from: after + 1, count: limit });
    });
    return stored.flatMap(({ envelope, offset }) => decodeDeadLetter(envelope, offset) ?? []);
  }

  async revive({ number, entry }: DeadLetter, nowMs: number): Promise<boolean> {
    if (!(await this.#tried((link) => this.#dead.has(link, number)))) return false;
    const subject = this.#options.space.ofLane("hook", laneOf(entry));
    await this.#publish(this.#queue, {
      subject,
      data: encodeEntry({ ...entry, queuedAtMs: nowMs }),
      // Not the event's own, by which JetStream may still know it.
      messageId: `${messageIdOf(entry)}/again/${number}`,
    });
    await this.#tried((link) => this.#dead.remove(link, number));
    return true;
  }

  /** The connection broke: answers on it are lost. */
  abandon(): void {
    this.#publisher.abandon();
    for (const consumer of this.#waiting) consumer.abandon();
    this.#batches?.abandon();
  }

  /** The connection is back, or another one: what was known of streams and consumers is to be looked at again. */
  forget(): void {
    this.#queue.forget();
    this.#dead.forget();
    for (const attempt of this.#consumers.values()) attempt.forget();
  }

  close(): void {
    this.#publisher.close();
    for (const consumer of [...this.#waiting]) consumer.stop();
    this.#batches?.close();
    this.#batches = null;
  }

  /** One after the other: a retry must not bring an entry behind those that come after it. */
  async #publishAll(subject: string, entries: readonly EncodedEntry[]): Promise<void> {
    for (const entry of entries) await this.#publish(this.#queue, { subject, ...entry });
  }

  /** Throws WebhookEntryTooLargeError: what the client refuses to write would take along whatever else is being written. */
  #encode(entry: WebhookEntry): Uint8Array {
    const data = encodeEntry(entry);
    const limitBytes = (this.#options.link()?.maxPayloadBytes ?? Number.POSITIVE_INFINITY) - ROOM_BYTES;
    if (data.length <= limitBytes) return data;
    throw new WebhookEntryTooLargeError(
      entry,
      `the webhook event has ${data.length} bytes, NATS takes ${limitBytes}: ` +
        "raise max_payload of nats-server, or lower limits.messageBytes of the app",
    );
  }

  async #publish(stream: HookStream, message: { subject: string; data: Uint8Array; messageId: string }): Promise<void> {
    await this.#publisher.publish({
      ...message,
      stream,
      endMs: performance.now() + this.#options.settings.deadlineMs,
    });
  }

  #leaseQueue(lane: WebhookLane, subject: string): LeaseQueue {
    return {
      readBehind: async (sequence, count) => {
        const query = { stream: this.#queue.name, subject, from: sequence, count };
        const read = await this.#tried((link) => this.#batchesOn(link).read(query));
        const stored = read.map(({ offset, envelope }) => ({ sequence: offset, entry: decodeEntry(envelope) }));
        const firstUnreadable = stored.findIndex(({ entry }) => entry === null);
        return (firstUnreadable === -1 ? stored : stored.slice(0, firstUnreadable)) as readonly StoredEntry[];
      },
      remove: async (sequences) => {
        await this.#tried((link) => Promise.all(sequences.map((sequence) => this.#queue.remove(link, sequence))));
      },
      settle: (message, word) => this.#settle(message, word),
      bury: async (stored, reason, attempts) => {
        for (const each of stored) await this.#bury(lane, each, { reason, attempts });
      },
    };
  }

  async #bury(
    lane: WebhookLane,
    { sequence, entry }: StoredEntry,
    fate: { readonly reason: DeadLetterReason; readonly attempts: number },
  ): Promise<void> {
    await this.#publish(this.#dead, {
      subject: this.#options.space.ofLane("dead", lane),
      data: encodeDeadLetter({ entry, ...fate, deadAtMs: Date.now() }),
      messageId: `${messageIdOf(entry)}/${sequence}`,
    });
  }

  /** Resolves when the consumer has taken the word. */
  async #settle({ ackSubject }: PulledMessage, word: string): Promise<void> {
    const link = this.#options.link();
    if (link === null) throw new WebhookQueueUnavailableError(NOT_CONNECTED);
    try {
      await link.request(ackSubject, encoder.encode(word), SETTLE_TIMEOUT_MS);
    } catch (cause) {
      throw new WebhookQueueUnavailableError("JetStream did not confirm what became of an entry", { cause });
    }
  }

  #ensureConsumer(link: Link, name: string, subject: string): Promise<void> {
    let attempt = this.#consumers.get(name);
    if (attempt === undefined) {
      attempt = new SharedAttempt();
      this.#consumers.set(name, attempt);
    }
    return attempt.run(() => this.#makeConsumer(link, name, subject));
  }

  async #makeConsumer(link: Link, name: string, subject: string): Promise<void> {
    await this.#queue.ensure(link);
    const stream = this.#queue.name;
    const config = laneConsumerConfig(name, subject, this.#options.settings);
    const answer = await hookApi.ask(link, `CONSUMER.CREATE.${stream}.${name}.${subject}`, {
      stream_name: stream,
      config,
    });
    if (answer.error === undefined) return;
    // Perhaps the stream is gone.
    this.#queue.forget();
    throw hookApi.refusalOf(answer);
  }

  /** Tries again while JetStream has no answer, until the deadline. */
  async #tried<T>(act: (link: Link) => Promise<T>): Promise<T> {
    const endMs = performance.now() + this.#options.settings.deadlineMs;
    for (;;) {
      const link = this.#options.link();
      if (link === null) throw new WebhookQueueUnavailableError(NOT_CONNECTED);
      try {
        return await act(link);
      } catch (error) {
        if (!(error instanceof StreamNotReadyError)) throw error;
        if (performance.now() >= endMs) throw new WebhookQueueUnavailableError(error.message, { cause: error });
      }
      await pause(RETRY_MS * (0.75 + Math.random() / 2));
    }
  }

  #batchesOn(link: Link): HistoryBatchInbox {
    if (this.#batches?.link !== link) {
      this.#batches?.close();
      this.#batches = new HistoryBatchInbox(link);
    }
    return this.#batches;
  }
}

interface EncodedEntry {
  readonly messageId: string;
  readonly data: Uint8Array;
}

function laneOf({ appId, endpointId, event }: WebhookEntry): WebhookLane {
  return { appId, endpointId, lane: webhookLaneOf(event.channel) };
}

function messageIdOf({ appId, endpointId, id }: WebhookEntry): string {
  return `${appId}/${endpointId}/${id}`;
}
