import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  nkeyAuthenticator,
  nkeys,
  type TlsOptions,
} from "nats";
import type { AutoInterestSettings } from "./auto-interest.ts";
import type { NatsBlockSettings } from "./block-store.ts";
import type { NatsHistorySettings } from "./history-config.ts";
import type { NatsWebhookSettings } from "./hook-config.ts";
import type { NatsLog } from "./log.ts";

/** How a process proves to NATS who it is. */
export type NatsAuth =
  | { readonly kind: "user"; readonly user: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string }
  /** `seed` begins with `SU`; the server knows the public key. */
  | { readonly kind: "nkey"; readonly seed: string }
  /** `content` is what stands in a `.creds` file. */
  | { readonly kind: "creds"; readonly content: string };

/** TLS towards NATS. Certificates and keys are PEM text, not paths. Once set, a server without TLS is refused. */
export interface NatsTlsSettings {
  /** Authorities to trust instead of the system's. */
  readonly ca?: string;
  /** Certificate of this process, where the server asks for one; goes with `key`. */
  readonly cert?: string;
  readonly key?: string;
  /** True when TLS starts before the server's first line (`handshake_first`). Default false. */
  readonly handshakeFirst?: boolean;
  /** The name that the server's certificate must have. Default: the name or address by which the server was reached. */
  readonly serverName?: string;
}

/** How publishes with an idempotency key are remembered over the cluster. */
export interface NatsIdempotencySettings {
  /** How long a key is remembered, in ms. Default 2 minutes. */
  readonly windowMs?: number;
  /** Copies of the memory in the NATS cluster, 1 to 5. Default 1: while its server is away, such publishes are refused. */
  readonly replicas?: number;
  /**
   * How long one publish is tried, in ms, always with the same id. Default 15 seconds: a new leader takes about 8 (measured
   * by killing the old one).
   */
  readonly deadlineMs?: number;
}

/** How a node is connected to NATS. */
export interface NatsBusOptions {
  /** `nats://host:port`, `tls://host:port` or `host:port`; others of the cluster are found by themselves. No credentials. */
  readonly servers: readonly string[];
  /** First part of every subject; two deployments on one NATS need different ones. Default `carillon`. */
  readonly prefix?: string;
  /**
   * `exact` (default): one NATS subscription for each channel in use. `partition`: one for each of 256 partitions in use;
   * cheaper with very many channels of few messages, but the node receives every message of those partitions. `auto`: a
   * partition where the node has many channels in it and little arrives that it doesn't want, else one for each channel.
   */
  readonly interest?: "exact" | "partition" | "auto";
  /** @internal When `auto` changes, for tests: the defaults are measured. */
  readonly autoInterest?: Partial<AutoInterestSettings>;
  /** A function is asked at each connect, so that a secret that was changed counts from then on; null: nothing is shown. */
  readonly auth?: NatsAuth | (() => NatsAuth | null);
  /** A function is asked for `ca`, `cert` and `key` at each connect; the others are as they were at the start. */
  readonly tls?: NatsTlsSettings | (() => NatsTlsSettings);
  /** Name of this connection in NATS's monitoring. Default `carillon`. */
  readonly name?: string;
  /**
   * First part of the subjects on which answers come back. Where roles differ in it, permissions can keep each from listening to
   * the answers of another. Default `_INBOX`.
   */
  readonly inboxPrefix?: string;
  /** How long to try at the start before giving up, in ms; 0 = one try. Default 10 seconds. */
  readonly connectTimeoutMs?: number;
  /** How long a subscribe waits for the bus, in ms. Default 5 seconds. */
  readonly subscribeTimeoutMs?: number;
  readonly idempotency?: NatsIdempotencySettings;
  /** How history is kept. Its streams are made at the first append or read. */
  readonly history?: NatsHistorySettings;
  /** How webhook events are kept. The streams are made at the first use. */
  readonly webhooks?: NatsWebhookSettings;
  /** How blocks are kept. Their stream is made by the first block. */
  readonly blocks?: NatsBlockSettings;
  /**
   * True: receivers are told the trace that a message carries. Default false: no header is looked at for it. Traces are sent along
   * whatever this says, where a publish has one.
   */
  readonly readsTraces?: boolean;
  /** Where to tell of outages and refusals. Default: nowhere. */
  readonly log?: NatsLog;
}

/** How long one attempt to connect may take, in ms, handshake included. */
export const DIAL_TIMEOUT_MS = 5_000;

const encoder = new TextEncoder();

/** {@link NatsBusOptions} in the words of the NATS client. Throws a TypeError for what can never work. */
export function connectionOptionsOf(options: NatsBusOptions): ConnectionOptions {
  const servers = options.servers.map(parseServer);
  if (servers.length === 0) throw new TypeError("name at least one NATS server, such as nats://127.0.0.1:4222");
  const needsTls = options.tls !== undefined || servers.some((server) => server.isTls);
  return {
    servers: servers.map((server) => server.hostAndPort),
    name: options.name ?? "carillon",
    ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
    ...(needsTls
      ? {
          tls: tlsOptionsOf(
            asFunction<NatsTlsSettings>(options.tls ?? {}),
            servers.map((server) => server.host),
          ),
        }
      : {}),
    ...(options.auth === undefined
      ? {}
      : { authenticator: liveAuthenticator(asFunction<NatsAuth | null>(options.auth)) }),
    timeout: DIAL_TIMEOUT_MS,
    // For ever, and fast: an outage lasts as long as the wait (measured: 0.1 to 0.5 s with these).
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    reconnectJitter: 50,
    reconnectJitterTLS: 250,
    // By default a peer that is gone without a word would be noticed after four minutes only.
    pingInterval: 5_000,
    maxPingOut: 2,
    // Credentials that are being rotated are refused for a while; giving up would need a restart of the process.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
  };
}

/** Where a NATS server is. */
export interface NatsAddress {
  /** Name or address, an IPv6 address without brackets. */
  readonly host: string;
  readonly hostAndPort: string;
  readonly isTls: boolean;
}

/** Reads the address of a server, for messages and for the client. Throws a TypeError for anything else. */
export function parseServer(server: string): NatsAddress {
  const match = /^(?:(nats|tls):\/\/)?(\[[0-9A-Fa-f:.]+\]|[^\s/:@[\]]+)(?::(\d{1,5}))?\/?$/.exec(server.trim());
  // The text may hold a password, so it is not repeated.
  if (match === null)
    throw new TypeError("a NATS server is nats://host:port or tls://host:port; credentials go into auth");
  const [, scheme, host = "", port = "4222"] = match;
  return { host: host.replace(/^\[|\]$/g, ""), hostAndPort: `${host}:${port}`, isTls: scheme === "tls" };
}

function isFunction<T>(value: T | (() => T)): value is () => T {
  return typeof value === "function";
}

function asFunction<T>(value: T | (() => T)): () => T {
  return isFunction(value) ? value : () => value;
}

/** Throws a TypeError when `auth` is of a form that NATS can't take. No message repeats any of it. */
export function checkNatsAuth(auth: NatsAuth): void {
  authenticatorOf(auth);
}

function liveAuthenticator(auth: () => NatsAuth | null): Authenticator {
  const atStart = auth();
  if (atStart !== null) checkNatsAuth(atStart);
  return (nonce) => {
    const now = auth();
    return now === null ? undefined : authenticatorOf(now)(nonce);
  };
}

function authenticatorOf(auth: NatsAuth): Authenticator {
  switch (auth.kind) {
    case "user":
      return () => ({ user: auth.user, pass: auth.password });
    case "token":
      return () => ({ auth_token: auth.token });
    case "nkey":
      assertSeed(auth.seed);
      return nkeyAuthenticator(encoder.encode(auth.seed.trim()));
    case "creds":
      assertCreds(auth.content);
      return credsAuthenticator(encoder.encode(auth.content));
    default:
      return auth satisfies never;
  }
}

function assertSeed(seed: string): void {
  try {
    nkeys.fromSeed(encoder.encode(seed.trim()));
  } catch {
    // The cause might repeat parts of the seed.
    throw new TypeError("the nkey seed for NATS is not valid: it begins with SU and has 58 characters");
  }
}

function assertCreds(content: string): void {
  try {
    credsAuthenticator(encoder.encode(content))("");
  } catch {
    // The cause might repeat parts of the file.
    throw new TypeError("the credentials for NATS are not valid: expected the content of a .creds file");
  }
}

function tlsOptionsOf(tls: () => NatsTlsSettings, hosts: readonly string[]): TlsOptions {
  const { serverName, handshakeFirst } = tls();
  const addresses = hosts.filter((host) => isIP(host) !== 0);
  return Object.defineProperties(
    {
      ...(handshakeFirst === undefined ? {} : { handshakeFirst }),
      // The client passes what it doesn't know on to Node.
      ...(serverName === undefined ? {} : { servername: serverName }),
      ...(addresses.length === 0 || serverName !== undefined
        ? {}
        : { checkServerIdentity: identityCheckFor(addresses) }),
    },
    // Read by the client at each connect.
    {
      ca: { enumerable: true, get: () => tls().ca },
      cert: { enumerable: true, get: () => tls().cert },
      key: { enumerable: true, get: () => tls().key },
    },
  );
}

/**
 * For a server that is named by address the client asks Node whether the certificate is for `localhost`. This also takes one
 * that is for an address in the configuration.
 */
function identityCheckFor(addresses: readonly string[]) {
  return (host: string, certificate: PeerCertificate): Error | undefined => {
    const refusal = checkServerIdentity(host, certificate);
    const isKnown = addresses.some((address) => checkServerIdentity(address, certificate) === undefined);
    return isKnown ? undefined : refusal;
  };
}
