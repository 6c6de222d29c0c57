import { HistoryUnavailableError } from "@carillon/core";
import { NANOSECONDS_PER_MS, type StreamConfig } from "./jetstream-api.ts";
import { PARTITIONS, type SubjectSpace } from "./subject.ts";

/** How history is kept on JetStream. */
export interface NatsHistorySettings {
  /**
   * Streams that the channels are spread over, 1 to 32. Default 4. Fixed with the first use: nodes with another number refuse
   * to append and read, because moving channels between streams would lose what is kept.
   */
  readonly streams?: number;
  /** Copies in the NATS cluster: 1 (default), 3 or 5. With 1, history is away while its server is. */
  readonly replicas?: 1 | 3 | 5;
  /** Newest publications kept of each channel, at least 1: the most that any rule asks for. Default 100. */
  readonly maxMessagesPerChannel?: number;
  /** Age up to which publications are kept, in ms: the most that any rule asks for. Default 1 hour. */
  readonly maxAgeMs?: number;
  /** Most bytes of one stream; beyond that its oldest publications go early. Default 0: no such bound. */
  readonly maxBytesPerStream?: number;
  /** How long the key of an append is remembered, in ms. Default 2 minutes. */
  readonly duplicateWindowMs?: number;
  /**
   * How long one append is tried, in ms, always with the same key; never longer than the window. Default 15 seconds: a new
   * leader takes about 8 (measured by killing the old one).
   */
  readonly deadlineMs?: number;
}

/** Greatest number of streams. */
export const MAX_STREAMS = 32;

const DEFAULT_STREAMS = 4;
const DEFAULT_MESSAGES = 100;
const DEFAULT_MAX_AGE_MS = 3_600_000;
const DEFAULT_WINDOW_MS = 120_000;
const DEFAULT_DEADLINE_MS = 15_000;
// How far the clocks of NATS servers, and this one, may differ: publications stay this much longer than rules ask for, so
// that what a rule counts as kept is certainly kept on every copy.
const CLOCK_SLACK_MS = 10_000;

/** {@link NatsHistorySettings} with everything decided. */
export interface HistorySettings {
  readonly streams: number;
  readonly replicas: number;
  readonly maxMessagesPerChannel: number;
  readonly maxAgeMs: number;
  readonly maxBytesPerStream: number;
  readonly duplicateWindowMs: number;
  readonly deadlineMs: number;
}

/** Fills in what is not set. Throws a TypeError for what can never work. */
export function historySettingsOf(settings: NatsHistorySettings): HistorySettings {
  const {
    streams = DEFAULT_STREAMS,
    replicas = 1,
    maxMessagesPerChannel = DEFAULT_MESSAGES,
    maxAgeMs = DEFAULT_MAX_AGE_MS,
    maxBytesPerStream = 0,
    duplicateWindowMs = DEFAULT_WINDOW_MS,
    deadlineMs = DEFAULT_DEADLINE_MS,
  } = settings;
  assertWhole("streams", streams, 1, MAX_STREAMS);
  if (![1, 3, 5].includes(replicas)) throw new TypeError("the replicas of history are 1, 3 or 5");
  assertWhole("maxMessagesPerChannel", maxMessagesPerChannel, 1, 1_000_000);
  assertWhole("maxBytesPerStream", maxBytesPerStream, 0, Number.MAX_SAFE_INTEGER);
  // JetStream takes windows and ages from 100 ms on.
  assertWhole("maxAgeMs", maxAgeMs, 100, 10 * 365 * 86_400_000);
  assertWhole("duplicateWindowMs", duplicateWindowMs, 100, 86_400_000);
  const decided = { streams, replicas, maxMessagesPerChannel, maxAgeMs, maxBytesPerStream, duplicateWindowMs };
  return { ...decided, deadlineMs: Math.min(deadlineMs, duplicateWindowMs) };
}

function assertWhole(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new TypeError(`history's ${name} is a whole number from ${least} to ${most}`);
}

/** The stream that holds a partition (two hexadecimal digits). */
export function streamOfPartition(partition: string, streams: number): number {
  return Number.parseInt(partition, 16) % streams;
}

/** What stream number `stream` is made of. */
export function historyStreamConfig(space: SubjectSpace, settings: HistorySettings, stream: number): StreamConfig {
  const ageMs = settings.maxAgeMs + Math.min(CLOCK_SLACK_MS, settings.maxAgeMs);
  const config = {
    name: space.streamName(`HIST_${stream}`),
    subjects: [
      ...partitionsOf(stream, settings.streams).map((each) => space.ofPartition("hist", each)),
      space.ofMarker(stream),
    ],
    republish: { src: space.all("hist"), dest: space.all("pub") },
    retention: "limits",
    // On disk: memory storage forgets its sequence in a restart without any sign, and reads single channels slower.
    storage: "file",
    discard: "old",
    num_replicas: settings.replicas,
    // One more than rules ask for: it proves that a client who missed all the others missed nothing else.
    max_msgs_per_subject: settings.maxMessagesPerChannel + 1,
    max_age: Math.max(ageMs, settings.duplicateWindowMs) * NANOSECONDS_PER_MS,
    max_bytes: settings.maxBytesPerStream === 0 ? -1 : settings.maxBytesPerStream,
    duplicate_window: settings.duplicateWindowMs * NANOSECONDS_PER_MS,
    allow_direct: true,
    allow_msg_ttl: true,
  };
  return config;
}

/**
 * Throws a HistoryUnavailableError that says what to do, unless a stream that is there is the one that is `wanted`: with the same
 * channels, whatever its limits are. `streams`: how many there are to be.
 */
export function assertOwnStream(present: StreamConfig, wanted: StreamConfig, streams: number): void {
  const { name, subjects = [], republish } = wanted;
  const partitions = present.subjects?.length ?? 0;
  const isOurs =
    partitions > 1 && present.republish?.src === republish?.src && present.republish?.dest === republish?.dest;
  if (!isOurs) throw foreignStream(name, "it belongs to something else");
  if (present.allow_msg_ttl !== true) {
    throw new HistoryUnavailableError("channels with history need nats-server 2.11 or newer: update NATS");
  }
  if ([...subjects].sort().join() === [...(present.subjects ?? [])].sort().join()) return;
  // One subject is the marker's.
  const found = Math.round(PARTITIONS / (partitions - 1));
  throw new HistoryUnavailableError(
    `the histories on NATS are spread over about ${found} streams and not ${streams}: ` +
      "set history's number of streams to what was used before, or choose another nats.prefix to begin with none",
  );
}

/** The error for a stream that is none of this cluster's. */
export function foreignStream(name: string, why: string): HistoryUnavailableError {
  return new HistoryUnavailableError(`the JetStream stream ${name} can't be used, ${why}: choose another nats.prefix`);
}

function partitionsOf(stream: number, streams: number): string[] {
  const all = Array.from({ length: PARTITIONS }, (_, index) => index.toString(16).padStart(2, "0"));
  return all.filter((partition) => streamOfPartition(partition, streams) === stream);
}
