import {
  type ApiAnswer,
  isProvenLeader,
  JETSTREAM_NOT_ENABLED,
  STREAM_NOT_FOUND,
  type StreamConfig,
  type StreamCopy,
  wasJustHeard,
} from "./jetstream-api.ts";
import type { Link } from "./link.ts";

/** What Carillon keeps in streams. */
export type StreamUse = "history" | "idempotency" | "webhooks" | "deadLetters" | "blocks";

/** Why a question was not answered. */
export type JetStreamRefusal =
  | { readonly kind: "disabled"; readonly on: "server" | "account" }
  /** What NATS does not permit, such as `publish` on `$JS.API.INFO`. */
  | { readonly kind: "forbidden"; readonly operation: string; readonly subject: string }
  | { readonly kind: "silent" }
  /** JetStream's own words. */
  | { readonly kind: "refused"; readonly reason: string };

/** A stream that is there and is Carillon's. */
export interface PresentStream {
  readonly kind: "present";
  readonly replicas: number;
  /** False when nobody is the leader, or no majority of the copies has heard the one that says so. */
  readonly hasLeader: boolean;
  /** Servers of copies that the leader doesn't hear. */
  readonly away: readonly string[];
  /** Servers of copies that are behind. */
  readonly behind: readonly string[];
  /** How full it is, 0 to 1, where more is refused then; null where there is no limit, or the oldest go. */
  readonly fullness: number | null;
}

/** One stream. */
export interface StreamReport {
  readonly use: StreamUse;
  readonly name: string;
  readonly wantedReplicas: number;
  /** `unusable`: a stream of that name which is something else's. */
  readonly state:
    | JetStreamRefusal
    | { readonly kind: "absent" }
    | { readonly kind: "unusable"; readonly reason: string }
    | PresentStream;
}

/** What an account, or a tier of it such as `R3`, has used of what it may store on disk. */
export interface StorageReport {
  readonly tier: string | null;
  /** Stored, or reserved by streams with a limit of bytes, whichever is more. */
  readonly usedBytes: number;
  /** null: the account has none. The servers may. */
  readonly limitBytes: number | null;
}

/** What JetStream says of itself and of the streams that were asked for. */
export interface JetStreamReport {
  readonly account: JetStreamRefusal | { readonly kind: "enabled"; readonly storage: readonly StorageReport[] };
  /** False when NATS is one server, which can keep one copy. */
  readonly isClustered: boolean;
  readonly streams: readonly StreamReport[];
}

/** A stream as its owner wants it. */
export interface WantedStream {
  readonly name: string;
  readonly config: StreamConfig;
  /** Throws for a stream of this name that can't be used. */
  assertUsable(present: StreamConfig): void;
}

/** A new leader takes up to ten seconds; who asks does not want to wait for that. */
const ANSWER_TIMEOUT_MS = 5_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Usage {
  readonly storage?: number;
  readonly reserved_storage?: number;
  readonly limits?: { readonly max_storage?: number };
}

interface Answer extends ApiAnswer, Usage {
  readonly tiers?: Readonly<Record<string, Usage>>;
}

/** Asks JetStream about the account and about streams, and makes none. Never rejects. */
export async function reportJetStream(
  link: Link,
  wanted: readonly { readonly use: StreamUse; readonly stream: WantedStream }[],
): Promise<JetStreamReport> {
  const [account, ...streams] = await Promise.all([
    ask(link, "INFO"),
    ...wanted.map(({ stream }) => ask(link, `STREAM.INFO.${stream.name}`)),
  ]);
  return {
    account: "kind" in account ? account : { kind: "enabled", storage: storageOf(account) },
    isClustered: link.isClustered,
    streams: wanted.map(({ use, stream }, index) => ({
      use,
      name: stream.name,
      wantedReplicas: stream.config.num_replicas ?? 1,
      state: stateOf(stream, streams[index] ?? { kind: "silent" }),
    })),
  };
}

async function ask(link: Link, api: string): Promise<Answer | JetStreamRefusal> {
  try {
    const answer = await link.request(`$JS.API.${api}`, encoder.encode("{}"), ANSWER_TIMEOUT_MS);
    const read = JSON.parse(decoder.decode(answer)) as Answer;
    const { err_code: code = 0, description = "no reason given" } = read.error ?? {};
    if (JETSTREAM_NOT_ENABLED.includes(code)) return { kind: "disabled", on: "account" };
    return read.error === undefined || code === STREAM_NOT_FOUND ? read : { kind: "refused", reason: description };
  } catch (error) {
    const { code, permissionContext } = error as {
      readonly code?: unknown;
      readonly permissionContext?: { readonly operation: string; readonly subject: string };
    };
    if (permissionContext !== undefined) {
      const { operation, subject } = permissionContext;
      return { kind: "forbidden", operation, subject };
    }
    // The client's code for "nobody listens there".
    return code === "503" ? { kind: "disabled", on: "server" } : { kind: "silent" };
  }
}

function storageOf({ tiers, ...whole }: Answer): readonly StorageReport[] {
  const usages: readonly (readonly [string | null, Usage])[] =
    tiers === undefined ? [[null, whole]] : Object.entries(tiers);
  return usages.map(([tier, { storage = 0, reserved_storage = 0, limits }]) => {
    const { max_storage: limit = -1 } = limits ?? {};
    return { tier, usedBytes: Math.max(storage, reserved_storage), limitBytes: limit < 0 ? null : limit };
  });
}

function stateOf(stream: WantedStream, answer: Answer | JetStreamRefusal): StreamReport["state"] {
  if ("kind" in answer) return answer;
  const { config, state, cluster } = answer;
  if (config === undefined) return { kind: "absent" };
  try {
    stream.assertUsable(config);
  } catch (error) {
    return { kind: "unusable", reason: error instanceof Error ? error.message : String(error) };
  }
  const { num_replicas: replicas = 1, max_bytes: limit = -1, discard } = config;
  const others = cluster?.replicas ?? [];
  const away = others.filter(isAway);
  const behind = others.filter((copy) => !isAway(copy) && copy.current === false);
  return {
    kind: "present",
    replicas,
    hasLeader: isProvenLeader(answer),
    away: away.map(({ name }) => name),
    behind: behind.map(({ name }) => name),
    fullness: discard === "new" && limit > 0 ? (state?.bytes ?? 0) / limit : null,
  };
}

function isAway(copy: StreamCopy): boolean {
  return copy.offline === true || !wasJustHeard(copy);
}
