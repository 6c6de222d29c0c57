import { BusUnavailableError } from "@carillon/core";
import type { ConnectionOptions } from "nats";
import { pause } from "./deadline.ts";
import { NatsBus } from "./nats-bus.ts";
import { connectionOptionsOf, DIAL_TIMEOUT_MS, type NatsBusOptions } from "./options.ts";

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const RETRY_MS = 250;
const MIN_DIAL_MS = 500;

/**
 * Connects a node to NATS. Resolves as soon as one server has taken the connection; from then on the bus comes back by itself
 * after any outage.
 *
 * Rejects with a BusUnavailableError that names the servers and says what to do: at once when the servers refuse the
 * credentials or can't be trusted, else after `connectTimeoutMs`. Rejects with a TypeError for options that can never work.
 *
 * @example
 * const bus = await connectNatsBus({ servers: ["nats://127.0.0.1:4222"] });
 */
export async function connectNatsBus(options: NatsBusOptions): Promise<NatsBus> {
  const connection = connectionOptionsOf(options);
  const timeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const leftMs = Math.max(endMs - performance.now(), MIN_DIAL_MS);
    try {
      return await NatsBus.open(options, {
        ...connection,
        timeout: timeoutMs === 0 ? DIAL_TIMEOUT_MS : Math.min(DIAL_TIMEOUT_MS, leftMs),
      });
    } catch (cause) {
      const failure = explain(cause, connection);
      if (failure.isFinal || performance.now() >= endMs) throw new BusUnavailableError(failure.message, { cause });
    }
    await pause(Math.min(RETRY_MS, Math.max(endMs - performance.now(), 0)));
  }
}

interface Failure {
  readonly message: string;
  /** True when another try can't help. */
  readonly isFinal: boolean;
}

// Node's codes for certificates that it doesn't trust.
const CERTIFICATE_CODE = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)|ERR_TLS/;
// What the server says of ours.
const OUR_CERTIFICATE_CODE = /_ALERT_(?:.*CERTIFICATE|UNKNOWN_CA)/;
const AUTH_CODE =
  /^(?:AUTHORIZATION_VIOLATION|AUTHENTICATION_EXPIRED|AUTHENTICATION_TIMEOUT|ACCOUNT_EXPIRED|BAD_AUTHENTICATION|BAD_CREDS)$/;

function explain(error: unknown, connection: ConnectionOptions): Failure {
  if (error instanceof TypeError || error instanceof RangeError) throw error;
  const servers = [connection.servers ?? []].flat().join(", ");
  const code = codeOf(error);
  if (AUTH_CODE.test(code)) {
    return { message: `NATS at ${servers} refused the credentials: check nats.credentials`, isFinal: true };
  }
  if (OUR_CERTIFICATE_CODE.test(code)) {
    return {
      message: `NATS at ${servers} wants a client certificate that it trusts (${code}): set nats.tls.certFile and nats.tls.keyFile`,
      isFinal: true,
    };
  }
  if (CERTIFICATE_CODE.test(code)) {
    return { message: `the certificate of NATS at ${servers} is not trusted (${code}): check nats.tls`, isFinal: true };
  }
  if (code === "SERVER_OPT_NA") {
    return { message: `NATS at ${servers} offers no TLS, which nats.tls asks for`, isFinal: true };
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return {
      message: `the name of NATS at ${servers} can't be resolved (${code}): check nats.servers`,
      isFinal: false,
    };
  }
  // Servers that don't like a handshake mostly just hang up.
  const hint = connection.tls
    ? "; if it is there, it may want a client certificate that it trusts (nats.tls.certFile and nats.tls.keyFile), or TLS first (nats.tls.handshakeFirst)"
    : "";
  return {
    message: `NATS can't be reached at ${servers} (${code}): start nats-server there, or correct nats.servers${hint}`,
    isFinal: false,
  };
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "no reason given";
  const { code, chainedError } = error as { code?: unknown; chainedError?: unknown };
  if (code === "TLS" && chainedError !== undefined) return codeOf(chainedError);
  if (typeof code === "string") return code;
  return error instanceof Error ? error.message : "no reason given";
}
