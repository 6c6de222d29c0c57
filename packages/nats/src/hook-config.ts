import { NANOSECONDS_PER_MS, type StreamConfig } from "./jetstream-api.ts";
import type { SubjectSpace } from "./subject.ts";

/** How webhook events are kept on JetStream. */
export interface NatsWebhookSettings {
  /** Copies in the NATS cluster: 1 (default), 3 or 5. */
  readonly replicas?: 1 | 3 | 5;
  /** Most bytes of the queue, beyond which it refuses; and of the dead letters, beyond which the oldest go. Default 256 MiB. */
  readonly maxBytes?: number;
  /** How long a silent worker keeps its lane, in ms. Default 15 seconds. The same on all workers. */
  readonly leaseMs?: number;
  /** How long dead letters are kept, in ms. Default 14 days. */
  readonly keepDeadMs?: number;
  /** How long one call is tried while JetStream doesn't answer, in ms. Default 15 seconds: a new leader takes about 8. */
  readonly deadlineMs?: number;
}

/** {@link NatsWebhookSettings} with everything decided. */
export type WebhookStreamSettings = Required<NatsWebhookSettings>;

const DAY_MS = 86_400_000;

/** What waits longer than any horizon is for an endpoint that no worker knows any more. */
const QUEUE_MAX_AGE_MS = 14 * DAY_MS;
/** How long an id is known. JetStream keeps the ids of so long in memory. */
const DUPLICATE_WINDOW_MS = 300_000;
const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/** Fills in what is not set. */
export function webhookSettingsOf(settings: NatsWebhookSettings): WebhookStreamSettings {
  const {
    replicas = 1,
    maxBytes = DEFAULT_MAX_BYTES,
    leaseMs = 15_000,
    keepDeadMs = 14 * DAY_MS,
    deadlineMs = 15_000,
  } = settings;
  return { replicas, maxBytes, leaseMs, keepDeadMs, deadlineMs };
}

/** The stream that holds what is to be delivered: an entry goes when it is acknowledged. */
export function hookStreamConfig(space: SubjectSpace, settings: WebhookStreamSettings): StreamConfig {
  const config = {
    name: space.streamName("HOOKS"),
    subjects: [space.all("hook")],
    retention: "workqueue",
    storage: "file",
    // Refuses what is too much; what was accepted stays.
    discard: "new",
    num_replicas: settings.replicas,
    max_age: QUEUE_MAX_AGE_MS * NANOSECONDS_PER_MS,
    duplicate_window: DUPLICATE_WINDOW_MS * NANOSECONDS_PER_MS,
    max_bytes: settings.maxBytes,
    allow_direct: true,
  };
  return config;
}

/** The stream that holds what was given up. */
export function deadStreamConfig(space: SubjectSpace, settings: WebhookStreamSettings): StreamConfig {
  const ageMs = settings.keepDeadMs;
  const config = {
    name: space.streamName("HOOKS_DEAD"),
    subjects: [space.all("dead")],
    retention: "limits",
    storage: "file",
    discard: "old",
    num_replicas: settings.replicas,
    max_age: ageMs * NANOSECONDS_PER_MS,
    duplicate_window: Math.min(DUPLICATE_WINDOW_MS, ageMs) * NANOSECONDS_PER_MS,
    max_bytes: settings.maxBytes,
    allow_direct: true,
  };
  return config;
}

/** The consumer of one lane: hands out one entry at a time, to one worker, until that is settled or its time is up. */
export function laneConsumerConfig(name: string, subject: string, settings: WebhookStreamSettings): object {
  return {
    name,
    durable_name: name,
    filter_subject: subject,
    ack_policy: "explicit",
    deliver_policy: "all",
    // This makes the lane: nothing behind an entry goes out before it, and nobody else gets anything meanwhile.
    max_ack_pending: 1,
    ack_wait: settings.leaseMs * NANOSECONDS_PER_MS,
    max_deliver: -1,
    // Of endpoints that are configured no more.
    inactive_threshold: DAY_MS * NANOSECONDS_PER_MS,
  };
}
