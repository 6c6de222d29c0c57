import {
  type JetStreamApi,
  STREAM_NAME_IN_USE,
  STREAM_NOT_FOUND,
  type StreamConfig,
  StreamNotReadyError,
} from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import type { NatsLog } from "./log.ts";
import { SharedAttempt } from "./shared-attempt.ts";
import type { EnsuredStream } from "./stream-publisher.ts";

/** Settings of a stream that may differ from one start to the next. */
type Adaptable = "num_replicas" | "max_age" | "duplicate_window" | "max_bytes";

/** What a KeptStream is made from. */
export interface KeptStreamOptions {
  readonly config: StreamConfig;
  /** What is taken over by a stream that was made with other settings. */
  readonly adapts: readonly Adaptable[];
  readonly api: JetStreamApi;
  /** Begins the names of the log's events: `idempotency_stream`. */
  readonly event: string;
  readonly log: NatsLog;
  /** Makes the error for a stream of this name that can't be used. */
  readonly unusable: (message: string) => Error;
}

/**
 * A stream that is made by whoever needs it first, and takes over changed settings. Safe when many processes start at once:
 * JetStream creates a stream once, and who comes second looks again.
 */
export class KeptStream implements EnsuredStream {
  readonly #options: KeptStreamOptions;
  readonly #ready = new SharedAttempt();

  constructor(options: KeptStreamOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.config.name;
  }

  get config(): StreamConfig {
    return this.#options.config;
  }

  /**
   * Resolves when the stream is there. Rejects with {@link StreamNotReadyError} when another try may help, and with the
   * owner's error when it can't. Asks once for all who wait, and never again after a success until {@link forget}.
   */
  ensure(link: Link): Promise<void> {
    return this.#ready.run(() => this.#ensure(link));
  }

  /** The stream did not answer: look again next time. */
  forget(): void {
    this.#ready.forget();
  }

  async #ensure(link: Link): Promise<void> {
    const { api, config, event, log } = this.#options;
    const present = await api.ask(link, `STREAM.INFO.${this.name}`, {});
    if (present.config !== undefined) return await this.#adapt(link, present.config);
    if (present.error?.err_code !== STREAM_NOT_FOUND) throw api.refusalOf(present);
    const made = await api.ask(link, `STREAM.CREATE.${this.name}`, config);
    // Another node was faster, with other settings.
    if (made.error?.err_code === STREAM_NAME_IN_USE) throw new StreamNotReadyError("the stream has just been created");
    if (made.error !== undefined) throw api.refusalOf(made);
    this.assertUsable(made.config ?? config);
    log.info(`${event}_created`, { stream: this.name });
  }

  /** Throws the owner's error for a stream of this name that is something else's. */
  assertUsable(present: StreamConfig): void {
    const { config, unusable } = this.#options;
    const isOurs =
      present.subjects?.join() === config.subjects?.join() && present.republish?.dest === config.republish?.dest;
    if (!isOurs) {
      throw unusable(`the JetStream stream ${this.name} belongs to something else: choose another nats.prefix`);
    }
    if (config.allow_msg_ttl === true && present.allow_msg_ttl !== true) {
      throw unusable(`the JetStream stream ${this.name} needs nats-server 2.11 or newer: update NATS`);
    }
  }

  async #adapt(link: Link, present: StreamConfig): Promise<void> {
    const { api, config, adapts, event, log } = this.#options;
    this.assertUsable(present);
    const wanted = Object.fromEntries(adapts.map((key) => [key, config[key]]));
    if (adapts.every((key) => present[key] === config[key])) return;
    const changed = await api.ask(link, `STREAM.UPDATE.${this.name}`, { ...present, ...wanted });
    // It works as it is, only with the old settings.
    if (changed.error !== undefined) {
      log.warn(`${event}_not_updated`, { stream: this.name, reason: changed.error.description });
    }
  }
}
