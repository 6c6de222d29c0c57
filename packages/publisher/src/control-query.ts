import type { DisconnectTarget } from "@carillon/core";
import { accept, CHANNEL_NAME_RULE, isChannelName, type Result, refuse } from "@carillon/protocol";
import { fieldsOf, readTarget } from "./target-query.ts";

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
  const parameters = readParameters(query, known);
  if (!parameters.ok) return parameters;
  const { prefix = null, after = null, user = null, limit: text } = parameters.value;
  const limit = readLimit(text);
  if (!limit.ok) return limit;
  if (user !== null) {
    const target = readTarget({ user }, ["user"]);
    if (!target.ok) return target;
  }
  return accept({ prefix, after, user, limit: limit.value });
}

/** The parameters of a query, each of which must be known and there once. */
export function readParameters(
  query: string,
  known: readonly string[],
): Result<Readonly<Record<string, string | undefined>>> {
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    // A misspelt parameter would quietly give another answer.
    if (!known.includes(name)) {
      const allowed = known.length === 0 ? "takes none" : `takes ${known.join(", ")}`;
      return refuse("invalid_field", `the query has a parameter that is not known here: this call ${allowed}`);
    }
    if (parameters.getAll(name).length > 1) return refuse("invalid_field", `"${name}" is there more than once`);
  }
  return accept(Object.fromEntries(parameters));
}

/** Reads the parameter `limit`: how many entries a page may have. */
export function readLimit(text: string = String(DEFAULT_LIMIT)): Result<number> {
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return limit < 1 || limit > MAX_LIMIT
    ? refuse("invalid_field", `"limit" must be a whole number from 1 to ${MAX_LIMIT}`)
    : accept(limit);
}

/** The channel that a path `/channels/NAME` or `/channels/NAME/…` names. Refuses with `invalid_channel`. */
export function readChannelOf(path: string): Result<string> {
  const name = decode(/^\/channels\/([^/]*)/.exec(path)?.[1] ?? "");
  return isChannelName(name)
    ? accept(name)
    : refuse("invalid_channel", `the path names no channel: ${CHANNEL_NAME_RULE}`);
}

/** Reads the body of a disconnect. */
export function readDisconnect(value: unknown): Result<DisconnectTarget> {
  return readTarget(fieldsOf(value), ["user", "token", "connection"]);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded UTF-8, so no name of a channel either.
    return "";
  }
}
