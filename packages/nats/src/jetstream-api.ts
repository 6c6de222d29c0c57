import type { Link } from "./link.ts";

/** JetStream can't answer right now (a leader is being elected, an answer got lost): trying again is right. */
export class StreamNotReadyError extends Error {
  override readonly name = "StreamNotReadyError";
}

/** A stream's configuration, as far as Carillon sets or compares it. Times are in nanoseconds. */
export interface StreamConfig {
  readonly name: string;
  readonly subjects?: readonly string[];
  readonly republish?: { readonly src?: string; readonly dest?: string };
  readonly num_replicas?: number;
  readonly max_age?: number;
  readonly duplicate_window?: number;
  readonly max_msgs_per_subject?: number;
  readonly max_bytes?: number;
  readonly allow_msg_ttl?: boolean;
  /** What happens beyond the limits: `new` ones are refused, or the `old` ones go. */
  readonly discard?: string;
}

/** What a stream holds. */
export interface StreamState {
  readonly messages: number;
  /** On the disk of each copy. */
  readonly bytes: number;
  /** 1 in an empty stream. */
  readonly first_seq: number;
  readonly last_seq: number;
  /** When the oldest message was stored, RFC 3339; of no meaning in an empty stream. */
  readonly first_ts?: string;
}

/** One copy of a stream, as the one that answers sees it. */
export interface StreamCopy {
  /** Of its server. */
  readonly name: string;
  /** Nanoseconds since the leader heard of it; 0 when it never did. */
  readonly active?: number;
  /** False when it is behind. */
  readonly current?: boolean;
  /** True when its server is known to be away. */
  readonly offline?: boolean;
}

/** Who holds the copies of a stream, as the one that answers sees it; absent on a server by itself. */
export interface StreamCluster {
  /** Absent when there is none: then one that follows answers, and counts itself among the others. */
  readonly leader?: string;
  /** RFC 3339. Absent before nats-server 2.12. */
  readonly leader_since?: string;
  /** The others. */
  readonly replicas?: readonly StreamCopy[];
}

/** A message as the leader of a stream tells it. */
export interface LeaderMessage {
  readonly subject: string;
  readonly seq: number;
  /** RFC 3339. */
  readonly time: string;
  /** Base64; absent when it is empty. */
  readonly data?: string;
}

/** An answer of JetStream's API. */
export interface ApiAnswer {
  readonly error?: { readonly code?: number; readonly err_code?: number; readonly description?: string };
  readonly config?: StreamConfig;
  readonly state?: StreamState;
  readonly cluster?: StreamCluster;
  /** When the stream was made; RFC 3339. */
  readonly created?: string;
  readonly message?: LeaderMessage;
  /** Of a consumer that was made. */
  readonly name?: string;
  /** What such a one has to go through. */
  readonly num_pending?: number;
  /** Messages that were dropped. */
  readonly purged?: number;
}

/** A leader hears of each copy once a second at least. With room for a busy machine. */
const LEASE_NS = 3_000_000_000;

/**
 * True when the one that answered is the leader, or was a second ago: a majority has heard it lately. One that was cut off doesn't know
 * for a while that it was replaced. Where only two of three servers can't reach each other, the third may have voted for the other one
 * (nats-server 2.15: it does although it hears its leader), and tells the old one with its next answer, within a second. So whoever has
 * to be sure asks again when the servers are together.
 */
export function isProvenLeader({ cluster }: ApiAnswer): boolean {
  if (cluster !== undefined && !cluster.leader) return false;
  const others = cluster?.replicas ?? [];
  return others.filter(wasJustHeard).length >= Math.floor((others.length + 1) / 2);
}

/** True when the leader has heard a copy lately. */
export function wasJustHeard({ active = 0 }: StreamCopy): boolean {
  return active > 0 && active < LEASE_NS;
}

/** JetStream's `err_code`s. */
export const STREAM_NOT_FOUND = 10_059;
export const STREAM_NAME_IN_USE = 10_058;
export const SUBJECTS_OVERLAP = 10_065;
export const MESSAGE_NOT_FOUND = 10_037;
/** The same, of a request to delete. */
export const MESSAGE_DELETE_FAILED = 10_057;
export const STORE_FAILED = 10_077;
/** Another publish with the same id is on its way to the copies: stored soon, or lost. Only streams with several copies say so. */
export const DUPLICATE_ON_ITS_WAY = 10_158;
export const NANOSECONDS_PER_MS = 1_000_000;

export const JETSTREAM_NOT_ENABLED = [10_076, 10_039];
// Too few servers for the copies at the moment: while a cluster starts, and for good when it is too small.
const NO_PEERS = 10_005;
const NOT_CLUSTERED = 10_074;
const REQUEST_TIMEOUT_MS = 2_000;

/** How an API's refusals are told. */
export interface JetStreamApiOptions {
  /** What the stream is for, behind "JetStream refused the stream for". */
  readonly purpose: string;
  /** What to say when JetStream isn't enabled. */
  readonly notEnabled: string;
  /** Makes the error for what another try can't help. */
  readonly unavailable: (message: string, options?: ErrorOptions) => Error;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Asks JetStream's API, and sorts what goes wrong into what may pass and what won't. */
export class JetStreamApi {
  readonly #options: JetStreamApiOptions;

  constructor(options: JetStreamApiOptions) {
    this.#options = options;
  }

  /**
   * Resolves with the answer, which may tell of an error: see {@link refusalOf}. Rejects with {@link StreamNotReadyError} when
   * none came, and at once with the owner's error when JetStream isn't enabled.
   */
  async ask(link: Link, api: string, body: object, timeoutMs = REQUEST_TIMEOUT_MS): Promise<ApiAnswer> {
    let answer: Uint8Array;
    try {
      answer = await link.request(`$JS.API.${api}`, encoder.encode(JSON.stringify(body)), timeoutMs);
    } catch (cause) {
      // The client's code for "nobody listens there".
      const isNobodyThere = (cause as { code?: unknown } | null)?.code === "503";
      if (isNobodyThere) throw this.#options.unavailable(this.#options.notEnabled, { cause });
      throw new StreamNotReadyError("JetStream did not answer", { cause });
    }
    return JSON.parse(decoder.decode(answer)) as ApiAnswer;
  }

  /** The error for an answer that tells of one: {@link StreamNotReadyError} where another try may help. */
  refusalOf({ error }: ApiAnswer): Error {
    const { purpose, notEnabled, unavailable } = this.#options;
    const code = error?.err_code ?? 0;
    if (JETSTREAM_NOT_ENABLED.includes(code)) return unavailable(notEnabled);
    const reason = `JetStream refused the stream for ${purpose}: ${error?.description ?? "no reason given"}`;
    // 5xx: no leader, no resources at the moment.
    const isTemporary = code === NO_PEERS || ((error?.code ?? 500) >= 500 && code !== NOT_CLUSTERED);
    return isTemporary ? new StreamNotReadyError(reason) : unavailable(reason);
  }
}
