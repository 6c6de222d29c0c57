import { IdempotencyUnavailableError } from "@carillon/core";
import {
  JetStreamApi,
  NANOSECONDS_PER_MS,
  STREAM_NAME_IN_USE,
  STREAM_NOT_FOUND,
  type StreamConfig,
  StreamNotReadyError,
} from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import type { NatsLog } from "./log.ts";
import { SharedAttempt } from "./shared-attempt.ts";
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
 * republishes it on the delivery subject, so "was it there before" and "deliver it" are one act. Made by whoever needs it
 * first.
 */
export class OnceStream {
  readonly #options: OnceStreamOptions;
  readonly #config: StreamConfig;
  readonly #ready = new SharedAttempt();

  constructor(options: OnceStreamOptions) {
    this.#options = options;
    this.#config = configOf(options);
  }

  /**
   * Resolves when the stream is there. Rejects with {@link StreamNotReadyError} when another try may help, and with
   * IdempotencyUnavailableError when it can't. Asks once for all who wait, and never again after a success until
   * {@link forget}.
   */
  ensure(link: Link): Promise<void> {
    return this.#ready.run(() => this.#ensure(link));
  }

  /** The stream did not answer: look again next time. */
  forget(): void {
    this.#ready.forget();
  }

  async #ensure(link: Link): Promise<void> {
    const { name } = this.#config;
    const present = await api.ask(link, `STREAM.INFO.${name}`, {});
    if (present.config !== undefined) return await this.#adapt(link, present.config);
    if (present.error?.err_code !== STREAM_NOT_FOUND) throw api.refusalOf(present);
    const made = await api.ask(link, `STREAM.CREATE.${name}`, this.#config);
    if (made.error === undefined) {
      this.#options.log.info("idempotency_stream_created", { stream: name });
      return;
    }
    // Another node was faster, with other settings.
    if (made.error.err_code === STREAM_NAME_IN_USE) throw new StreamNotReadyError("the stream has just been created");
    throw api.refusalOf(made);
  }

  async #adapt(link: Link, present: StreamConfig): Promise<void> {
    const wanted = this.#config;
    const isOurs =
      present.subjects?.join() === wanted.subjects?.join() && present.republish?.dest === wanted.republish?.dest;
    if (!isOurs) {
      throw new IdempotencyUnavailableError(
        `the JetStream stream ${wanted.name} belongs to something else: choose another nats.prefix`,
      );
    }
    const { num_replicas, max_age, duplicate_window } = wanted;
    const isSame =
      present.num_replicas === num_replicas &&
      present.max_age === max_age &&
      present.duplicate_window === duplicate_window;
    if (isSame) return;
    const changed = await api.ask(link, `STREAM.UPDATE.${wanted.name}`, {
      ...present,
      num_replicas,
      max_age,
      duplicate_window,
    });
    // It works as it is, only with the old window or number of copies.
    if (changed.error !== undefined) {
      this.#options.log.warn("idempotency_stream_not_updated", {
        stream: wanted.name,
        reason: changed.error.description,
      });
    }
  }
}

function configOf({ space, windowMs, replicas }: OnceStreamOptions): StreamConfig {
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
  return config;
}
