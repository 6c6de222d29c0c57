import type { ErrorCode } from "@carillon/protocol";

/** Codes of what goes wrong on this side. */
export type ClientErrorCode =
  /** The client was closed. */
  | "closed"
  /** The connection broke before the answer came: whether the command was carried out is not known. */
  | "connection_lost"
  /** The answer did not come in time: whether the command was carried out is not known. */
  | "timeout"
  /** Too many commands wait for a connection. */
  | "queue_full"
  /** An event doesn't fit the schema that was declared for it, or what is to be published can't be said in JSON. */
  | "invalid_payload"
  /** The application's endpoint for tokens refused, or could not be reached. */
  | "auth_failed";

/**
 * What Carillon refused, or what went wrong on the way. `message` says what to do.
 */
export class CarillonError extends Error {
  override readonly name = "CarillonError";
  /** For programs: a code of docs/errors.md, the name of a close code, or a {@link ClientErrorCode}. */
  readonly code: ErrorCode | ClientErrorCode | (string & {});
  /** True when the same may succeed later without being changed. */
  readonly isRetryable: boolean;

  constructor(code: string, message: string, options: ErrorOptions & { readonly isRetryable?: boolean } = {}) {
    super(message, options);
    this.code = code;
    this.isRetryable = options.isRetryable ?? RETRYABLE.has(code);
  }
}

/** Those of the registry for which another try may help; a test compares them. */
export const RETRYABLE: ReadonlySet<string> = new Set([
  "request_timeout",
  "user_connection_limit",
  "rate_limited",
  "token_unverifiable",
  "bus_unavailable",
  "history_unavailable",
  "blocks_unavailable",
  "idempotency_unavailable",
  "overloaded",
  "draining",
]);

/** Says on the console what nobody has heard, so that it isn't empty when nothing will work. */
export function warn({ code, message }: CarillonError): void {
  // biome-ignore lint/suspicious/noConsole: nobody else would be told.
  console.warn(code, message);
}
