import type { DisconnectTarget } from "@carillon/core";
import { accept, CHANNEL_NAME_RULE, isChannelName, MAX_USER_ID_LENGTH, type Result, refuse } from "@carillon/protocol";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** The query of a call about channels, members or connections. Parameters that were not given are null. */
export interface ControlQuery {
  readonly prefix: string | null;
  readonly after: string | null;
  readonly user: string | null;
  readonly limit: number;
}

/** Reads a query of which only these parameters are known. Refuses with `invalid_field`, naming the parameter. */
export function readControlQuery(query: string, known: readonly string[]): Result<ControlQuery> {
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    // A misspelt parameter would quietly give another answer.
    if (!known.includes(name)) {
      const allowed = known.length === 0 ? "takes none" : `takes ${known.join(", ")}`;
      return refuse("invalid_field", `the query has a parameter that is not known here: this call ${allowed}`);
    }
    if (parameters.getAll(name).length > 1) return refuse("invalid_field", `"${name}" is there more than once`);
  }
  const text = parameters.get("limit") ?? String(DEFAULT_LIMIT);
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT)
    return refuse("invalid_field", `"limit" must be a whole number from 1 to ${MAX_LIMIT}`);
  const user = parameters.get("user");
  if (user !== null && !isId(user)) return refuse("invalid_field", `"user" ${ID_RULES.user}`);
  return accept({ prefix: parameters.get("prefix"), after: parameters.get("after"), user, limit });
}

/** The channel that a path `/channels/NAME` or `/channels/NAME/…` names. Refuses with `invalid_channel`. */
export function readChannelOf(path: string): Result<string> {
  const name = decode(/^\/channels\/([^/]*)/.exec(path)?.[1] ?? "");
  return isChannelName(name)
    ? accept(name)
    : refuse("invalid_channel", `the path names no channel: ${CHANNEL_NAME_RULE}`);
}

/** Reads the body of a disconnect: exactly one of `user`, `token` and `connection`. */
export function readDisconnect(value: unknown): Result<DisconnectTarget> {
  const fields = fieldsOf(value);
  const given = TARGETS.filter((kind) => fields[kind] !== undefined && fields[kind] !== null);
  const [kind] = given;
  if (kind === undefined || given.length > 1) {
    return refuse("missing_field", `send {"user": "…"}, {"token": "…"} or {"connection": "…"}, one of them`);
  }
  const id = fields[kind];
  if (kind === "connection") {
    return typeof id === "string" && /^\d{1,20}\.\d{1,20}$/.test(id)
      ? accept({ kind, id })
      : refuse("invalid_field", `"connection" must be a connection id such as "123.456"`);
  }
  return isId(id) ? accept({ kind, id }) : refuse("invalid_field", `"${kind}" ${ID_RULES[kind]}`);
}

const TARGETS = ["user", "token", "connection"] as const;

const ID_RULES = {
  user: `must be a user id: a string of 1 to ${MAX_USER_ID_LENGTH} characters`,
  token: `must be the id of a connection token (its "jti"), not the token: a string of 1 to ${MAX_USER_ID_LENGTH} characters`,
} as const;

function isId(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_USER_ID_LENGTH;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded UTF-8, so no name of a channel either.
    return "";
  }
}
