import { IdempotencyUnavailableError } from "@carillon/core";
import { JetStreamApi, NANOSECONDS_PER_MS } from "./jetstream-api.ts";
import { KeptStream } from "./kept-stream.ts";
import type { NatsLog } from "./log.ts";
import type { SubjectSpace } from "./subject.ts";

/** What the stream behind idempotency keys is made of. */
export interface OnceStreamOptions {
  readonly space: SubjectSpace;
  readonly windowMs: number;
  readonly replicas: number;
  readonly log: NatsLog;
}

// JetStream keeps the keys of the window in memory, and reads them back from what is stored after a restart. Older messages
// go when this much is stored, so under a flood a restart forgets keys early. Also reserved from the account's limit.
const STORED_BYTES = 256 * 1024 * 1024;

const NOT_ENABLED =
  "publishing with an idempotency id needs JetStream, which is not enabled on NATS: " +
  'add "jetstream {}" to the configuration of nats-server, or publish without an id';

const api = new JetStreamApi({
  purpose: "idempotency ids",
  notEnabled: NOT_ENABLED,
  unavailable: (message, options) => new IdempotencyUnavailableError(message, options),
});

/**
 * The stream that takes publishes with an idempotency key. It stores each key's message once within the window and
 * republishes it on the delivery subject, so "was it there before" and "deliver it" are one act.
 */
export function createOnceStream({ space, windowMs, replicas, log }: OnceStreamOptions): KeptStream {
  const window = Math.round(windowMs) * NANOSECONDS_PER_MS;
  const config = {
    name: space.streamName("ONCE"),
    subjects: [space.all("once")],
    republish: { src: space.all("once"), dest: space.all("pub") },
    retention: "limits",
    // On disk, so that a restart of NATS doesn't forget the keys.
    storage: "file",
    discard: "old",
    num_replicas: replicas,
    max_age: window,
    duplicate_window: window,
    max_bytes: STORED_BYTES,
  };
  return new KeptStream({
    config,
    adapts: ["num_replicas", "max_age", "duplicate_window"],
    api,
    event: "idempotency_stream",
    log,
    unusable: (message) => new IdempotencyUnavailableError(message),
  });
}
