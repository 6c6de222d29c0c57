import { IdempotencyUnavailableError } from "@carillon/core";
import type { Link } from "./link.ts";
import type { NatsLog } from "./log.ts";
import type { SubjectSpace } from "./subject.ts";

/** What the stream behind idempotency keys is made of. */
export interface OnceStreamOptions {
  readonly space: SubjectSpace;
  readonly windowMs: number;
  readonly replicas: number;
  readonly log: NatsLog;
}

/** JetStream can't answer right now (a leader is being elected, an answer got lost): trying again is right. */
export class StreamNotReadyError extends Error {
  override readonly name = "StreamNotReadyError";
}

interface StreamConfig {
  readonly name: string;
  readonly subjects?: readonly string[];
  readonly republish?: { readonly src?: string; readonly dest?: string };
  readonly num_replicas?: number;
  readonly max_age?: number;
  readonly duplicate_window?: number;
}

interface ApiAnswer {
  readonly error?: { readonly code?: number; readonly err_code?: number; readonly description?: string };
  readonly config?: StreamConfig;
}

const REQUEST_TIMEOUT_MS = 2_000;
// JetStream keeps the keys of the window in memory, and reads them back from what is stored after a restart. Older messages
// go when this much is stored, so under a flood a restart forgets keys early. Also reserved from the account's limit.
const STORED_BYTES = 256 * 1024 * 1024;
const NANOSECONDS_PER_MS = 1_000_000;

// JetStream's `err_code`s.
const JETSTREAM_NOT_ENABLED = [10_076, 10_039];
const STREAM_NOT_FOUND = 10_059;
const STREAM_NAME_IN_USE = 10_058;
// Too few servers for the copies at the moment: while a cluster starts, and for good when it is too small.
const NO_PEERS = 10_005;
const NOT_CLUSTERED = 10_074;

const NOT_ENABLED =
  "publishing with an idempotency id needs JetStream, which is not enabled on NATS: " +
  'add "jetstream {}" to the configuration of nats-server, or publish without an id';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The stream that takes publishes with an idempotency key. It stores each key's message once within the window and
 * republishes it on the delivery subject, so "was it there before" and "deliver it" are one act. Made by whoever needs it
 * first.
 */
export class OnceStream {
  readonly #options: OnceStreamOptions;
  readonly #config: StreamConfig;
  #ready: Promise<void> | null = null;

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
    if (this.#ready !== null) return this.#ready;
    const ready = this.#ensure(link);
    this.#ready = ready;
    ready.catch(() => {
      if (this.#ready === ready) this.#ready = null;
    });
    return ready;
  }

  /** The stream did not answer: look again next time. */
  forget(): void {
    this.#ready = null;
  }

  async #ensure(link: Link): Promise<void> {
    const { name } = this.#config;
    const present = await this.#ask(link, `STREAM.INFO.${name}`, {});
    if (present.config !== undefined) return await this.#adapt(link, present.config);
    if (present.error?.err_code !== STREAM_NOT_FOUND) throw refusalOf(present);
    const made = await this.#ask(link, `STREAM.CREATE.${name}`, this.#config);
    if (made.error === undefined) {
      this.#options.log.info("idempotency_stream_created", { stream: name });
      return;
    }
    // Another node was faster, with other settings.
    if (made.error.err_code === STREAM_NAME_IN_USE) throw new StreamNotReadyError("the stream has just been created");
    throw refusalOf(made);
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
    const changed = await this.#ask(link, `STREAM.UPDATE.${wanted.name}`, {
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

  async #ask(link: Link, api: string, body: object): Promise<ApiAnswer> {
    let answer: Uint8Array;
    try {
      answer = await link.request(`$JS.API.${api}`, encoder.encode(JSON.stringify(body)), REQUEST_TIMEOUT_MS);
    } catch (cause) {
      // The client's code for "nobody listens there".
      const isNobodyThere = (cause as { code?: unknown } | null)?.code === "503";
      if (isNobodyThere) throw new IdempotencyUnavailableError(NOT_ENABLED, { cause });
      throw new StreamNotReadyError("JetStream did not answer", { cause });
    }
    return JSON.parse(decoder.decode(answer)) as ApiAnswer;
  }
}

function refusalOf({ error }: ApiAnswer): Error {
  const code = error?.err_code ?? 0;
  if (JETSTREAM_NOT_ENABLED.includes(code)) return new IdempotencyUnavailableError(NOT_ENABLED);
  const reason = `JetStream refused the stream for idempotency ids: ${error?.description ?? "no reason given"}`;
  // 5xx: no leader, no resources at the moment.
  const isTemporary = code === NO_PEERS || ((error?.code ?? 500) >= 500 && code !== NOT_CLUSTERED);
  return isTemporary ? new StreamNotReadyError(reason) : new IdempotencyUnavailableError(reason);
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
