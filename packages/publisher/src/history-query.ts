import { type HistoryQuery, type Position, parsePosition } from "@carillon/core";
import { accept, CHANNEL_NAME_RULE, isChannelName, type Result, refuse } from "@carillon/protocol";

/** What a caller asks of a channel's history; the limits of what is kept come from the channel's rule. */
export type AskedHistory = Omit<HistoryQuery, "limits">;

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
const KNOWN_PARAMETERS: ReadonlySet<string> = new Set(["limit", "since", "direction"]);
const PATH = /^\/channels\/([^/]*)\/history$/;

/** The channel that the path of a history call names. Refuses with `invalid_channel`. */
export function readChannel(path: string): Result<string> {
  const name = decode(PATH.exec(path)?.[1] ?? "");
  return isChannelName(name)
    ? accept(name)
    : refuse("invalid_channel", `the path names no channel: ${CHANNEL_NAME_RULE}`);
}

/** Reads the query of a history call. Refuses with `invalid_field`, naming the parameter and what it may be. */
export function readHistoryQuery(query: string): Result<AskedHistory> {
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    // A misspelt parameter would quietly give another part of the history.
    if (!KNOWN_PARAMETERS.has(name)) return wrong("the query has a parameter that is none of limit, since, direction");
    if (parameters.getAll(name).length > 1) return wrong(`"${name}" is there more than once`);
  }
  const limit = readLimit(parameters.get("limit"));
  if (limit === null) return wrong(`"limit" must be a whole number from 1 to ${MAX_LIMIT}`);
  const direction = parameters.get("direction") ?? "forward";
  if (direction !== "forward" && direction !== "backward") return wrong('"direction" must be forward or backward');
  const sinceText = parameters.get("since");
  const since: Position | null = sinceText === null ? null : parsePosition(sinceText);
  if (sinceText !== null && since === null) return wrong('"since" must be a position as an earlier answer gave it');
  if (since !== null && direction === "backward") return wrong('"since" goes with direction=forward only');
  return accept({ limit, direction, since });
}

function readLimit(text: string | null): number | null {
  if (text === null) return DEFAULT_LIMIT;
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= MAX_LIMIT ? limit : null;
}

function wrong(message: string): Result<never> {
  return refuse("invalid_field", message);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded UTF-8, so no name of a channel either.
    return "";
  }
}
