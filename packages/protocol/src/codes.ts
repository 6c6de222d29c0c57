/**
 * The one registry of error codes and close codes. docs/errors.md documents each; a test compares the two both ways.
 *
 * An error code answers one command or one HTTP call, and the connection lives on. A close code ends the connection; its
 * range tells the client whether to come back (the ranges are those of the Pusher protocol, so one table serves all).
 */

/** What a caller should know about an error code. */
export interface ErrorCodeInfo {
  /** HTTP status of the problem JSON that carries the code. */
  readonly status: number;
  /** Short summary, the same for every occurrence (RFC 9457 `title`). */
  readonly title: string;
  /** True when the same call may succeed later without being changed. */
  readonly isRetryable: boolean;
}

const info = (status: number, title: string, isRetryable = false): ErrorCodeInfo => ({ status, title, isRetryable });

/** Every error code, with its HTTP status, title, and whether a retry can help. */
export const ERROR_CODES = {
  invalid_json: info(400, "The body is not valid JSON"),
  invalid_utf8: info(400, "The text is not valid UTF-8"),
  invalid_frame: info(400, "The frame is not a command of this protocol"),
  missing_field: info(400, "A required field is missing"),
  invalid_field: info(400, "A field has a wrong type or value"),
  invalid_channel: info(400, "The channel name is not allowed"),
  invalid_event: info(400, "The event name is not allowed"),
  too_many_channels: info(400, "Too many channels in one call"),
  batch_too_large: info(400, "Too many events in one batch"),
  unauthorized: info(401, "The credentials are missing or wrong"),
  token_required: info(401, "This needs a token"),
  token_invalid: info(401, "The token is not valid"),
  token_expired: info(401, "The token has expired"),
  forbidden: info(403, "The credentials do not allow this"),
  app_disabled: info(403, "The app is disabled"),
  blocked: info(403, "The user or the token is blocked"),
  not_subscribed: info(403, "The connection is not subscribed to the channel"),
  not_found: info(404, "There is nothing at this address"),
  method_not_allowed: info(405, "The method is not allowed at this address"),
  request_timeout: info(408, "The body did not arrive in time", true),
  cancelled: info(409, "Something later undid this before it was done"),
  out_of_order: info(409, "An earlier call has not come yet"),
  session_gone: info(410, "The session is over"),
  message_too_large: info(413, "The message is larger than the limit"),
  unsupported_media_type: info(415, "The body must be application/json"),
  presence_limit: info(429, "The channel has as many members as it may"),
  block_limit: info(429, "The app has as many blocks as it may"),
  channel_limit: info(429, "The connection is at its channel limit"),
  user_connection_limit: info(429, "The user has as many connections as it may", true),
  rate_limited: info(429, "Too many calls in a short time", true),
  headers_too_large: info(431, "The request headers are too large"),
  upgrade_required: info(426, "This address speaks WebSocket"),
  internal_error: info(500, "Carillon failed to handle this"),
  token_unverifiable: info(503, "The keys to check the token with can't be fetched", true),
  bus_unavailable: info(503, "The bus cannot be reached", true),
  history_unavailable: info(503, "The history store cannot be reached", true),
  blocks_unavailable: info(503, "The store of blocks cannot be reached", true),
  idempotency_unavailable: info(503, "The idempotency store cannot be reached", true),
  overloaded: info(503, "This node is at its limit", true),
  draining: info(503, "This node is shutting down", true),
} as const satisfies Record<string, ErrorCodeInfo>;

/** The name of an error, as it stands on the wire. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Every close code that Carillon sends on purpose. Numbers and ranges of the Pusher protocol keep their meaning. */
export const CLOSE_CODES = {
  app_unknown: { code: 4001, reason: "no app has this key" },
  app_disabled: { code: 4003, reason: "the app is disabled" },
  connection_limit: { code: 4004, reason: "the app is at its connection limit" },
  path_unknown: { code: 4005, reason: "no protocol is served at this path" },
  version_malformed: { code: 4006, reason: "the protocol version is not a number" },
  version_unsupported: { code: 4007, reason: "this version of the protocol is not spoken here: 5, 6 and 7 are" },
  version_missing: { code: 4008, reason: "the connection does not say which protocol version it speaks" },
  unauthorized: { code: 4009, reason: "the connection is not authorized" },
  origin_refused: { code: 4010, reason: "this origin is not allowed for the app" },
  protocol_violation: { code: 4011, reason: "the connection broke the protocol too often" },
  disconnected: { code: 4013, reason: "the application ended the connection" },
  blocked: { code: 4014, reason: "the application has blocked the user or the token" },
  over_capacity: { code: 4100, reason: "this node is at its limit" },
  token_expired: { code: 4101, reason: "the connection token has expired" },
  token_unverifiable: { code: 4102, reason: "the token can't be checked at the moment" },
  rate_limited: { code: 4103, reason: "the connection sent too much too fast" },
  user_connection_limit: { code: 4104, reason: "the user has as many connections as it may" },
  drain: { code: 4200, reason: "this node is shutting down, reconnect" },
  idle: { code: 4201, reason: "nothing was heard from the client" },
  rebalance: { code: 4202, reason: "this node has more connections than others, reconnect" },
  proxy_drain: { code: 4203, reason: "the proxy in front of this node is shutting down, reconnect" },
} as const;

/** The name of a close code. */
export type CloseCodeName = keyof typeof CLOSE_CODES;
