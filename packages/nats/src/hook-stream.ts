import { WebhookQueueUnavailableError } from "@carillon/core";
import {
  JetStreamApi,
  MESSAGE_DELETE_FAILED,
  MESSAGE_NOT_FOUND,
  STREAM_NAME_IN_USE,
  STREAM_NOT_FOUND,
  type StreamConfig,
  StreamNotReadyError,
  type StreamState,
} from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import type { NatsLog } from "./log.ts";
import { SharedAttempt } from "./shared-attempt.ts";
import type { EnsuredStream } from "./stream-publisher.ts";

/** Talks to JetStream about webhooks. */
export const hookApi = new JetStreamApi({
  purpose: "webhooks",
  notEnabled:
    "webhooks need JetStream, which is not enabled on NATS: " +
    'add "jetstream {}" to the configuration of nats-server, or remove apps[].webhooks',
  unavailable: (message, options) => new WebhookQueueUnavailableError(message, options),
});

/** What may change in a stream that is there. */
const ADAPTABLE = ["num_replicas", "max_age", "duplicate_window", "max_bytes"] as const;

/** One of the streams of webhooks. Made by whoever needs it first; several may try at a time. */
export class HookStream implements EnsuredStream {
  readonly #config: StreamConfig;
  readonly #log: NatsLog;
  readonly #ready = new SharedAttempt();
  #hasAdapted = false;

  constructor(config: StreamConfig, log: NatsLog) {
    this.#config = config;
    this.#log = log;
  }

  get name(): string {
    return this.#config.name;
  }

  get config(): StreamConfig {
    return this.#config;
  }

  /** Throws WebhookQueueUnavailableError for a stream of this name that is something else's. */
  assertUsable(present: StreamConfig): void {
    if (present.subjects?.join() === this.#config.subjects?.join()) return;
    throw new WebhookQueueUnavailableError(
      `the JetStream stream ${this.name} belongs to something else: choose another nats.prefix`,
    );
  }

  /** See {@link EnsuredStream.ensure}. Rejects with WebhookQueueUnavailableError when another try can't help. */
  ensure(link: Link): Promise<void> {
    return this.#ready.run(() => this.#ensure(link));
  }

  forget(): void {
    this.#ready.forget();
  }

  /** What it holds, from its leader. */
  async state(link: Link): Promise<StreamState> {
    await this.ensure(link);
    const answer = await hookApi.ask(link, `STREAM.INFO.${this.name}`, {});
    if (answer.state === undefined) throw this.#failed(answer.error?.err_code) ?? hookApi.refusalOf(answer);
    return answer.state;
  }

  /** True when a message is there, by the leader. */
  async has(link: Link, sequence: number): Promise<boolean> {
    await this.ensure(link);
    const answer = await hookApi.ask(link, `STREAM.MSG.GET.${this.name}`, { seq: sequence });
    if (answer.message !== undefined) return true;
    if (answer.error?.err_code === MESSAGE_NOT_FOUND) return false;
    throw this.#failed(answer.error?.err_code) ?? hookApi.refusalOf(answer);
  }

  /** Removes a message; one that is gone already is fine. */
  async remove(link: Link, sequence: number): Promise<void> {
    const answer = await hookApi.ask(link, `STREAM.MSG.DELETE.${this.name}`, { seq: sequence, no_erase: true });
    const code = answer.error?.err_code;
    if (answer.error === undefined || code === MESSAGE_NOT_FOUND || code === MESSAGE_DELETE_FAILED) return;
    throw this.#failed(code) ?? hookApi.refusalOf(answer);
  }

  async #ensure(link: Link): Promise<void> {
    const present = await hookApi.ask(link, `STREAM.INFO.${this.name}`, {});
    if (present.config !== undefined) return await this.#adapt(link, present.config);
    if (present.error?.err_code !== STREAM_NOT_FOUND) throw hookApi.refusalOf(present);
    const made = await hookApi.ask(link, `STREAM.CREATE.${this.name}`, this.#config);
    // Another process was faster, with other settings.
    if (made.error?.err_code === STREAM_NAME_IN_USE) throw new StreamNotReadyError("the stream has just been created");
    if (made.error !== undefined) throw hookApi.refusalOf(made);
    this.#hasAdapted = true;
    this.#log.info("webhook_stream_created", { stream: this.name });
  }

  /** Takes over changed limits, once in the life of a process: those with old settings must not undo it over and over. */
  async #adapt(link: Link, present: StreamConfig): Promise<void> {
    this.assertUsable(present);
    if (this.#hasAdapted) return;
    this.#hasAdapted = true;
    const wanted = Object.fromEntries(ADAPTABLE.map((key) => [key, this.#config[key]]));
    if (ADAPTABLE.every((key) => present[key] === wanted[key])) return;
    const changed = await hookApi.ask(link, `STREAM.UPDATE.${this.name}`, { ...present, ...wanted });
    if (changed.error === undefined) this.#log.info("webhook_stream_updated", { stream: this.name, ...wanted });
    // It works as it is, only with the old limits.
    else
      this.#log.warn("webhook_stream_not_updated", {
        stream: this.name,
        reason: changed.error.description ?? "unknown",
      });
  }

  /** A stream that is gone is made again by the next try. */
  #failed(code: number | undefined): StreamNotReadyError | null {
    if (code !== STREAM_NOT_FOUND) return null;
    this.forget();
    return new StreamNotReadyError("the stream is gone");
  }
}
