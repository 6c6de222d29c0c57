import { accept, type Result, refuse } from "@carillon/protocol";
import type { EventPlace } from "./event-id.ts";

/** Longest wait of a poll, in ms: below what proxies and the server's own handlers' bound allow. */
export const MAX_WAIT_MS = 25_000;

/** A place in a session. */
export type SessionPlace = Pick<EventPlace, "sessionId" | "after">;

const WHOLE_NUMBER = /^\d{1,15}$/;
/** The place that `session` and `after` name; null when there is no `session`. */
export function placeOf(query: URLSearchParams): Result<SessionPlace | null> {
  const sessionId = query.get("session");
  if (sessionId === null) return accept(null);
  const after = query.get("after") ?? "0";
  // An event's id does as well: it begins with the number.
  const number = after.split(":", 1)[0] ?? "";
  if (!WHOLE_NUMBER.test(number)) {
    return refuse("invalid_field", `"after" must be the number of the last frame, a whole number`);
  }
  return accept({ sessionId, after: Number(number) });
}

/** How long a poll waits, in ms. */
export function waitOf(query: URLSearchParams): Result<number> {
  const wait = query.get("wait");
  if (wait === null) return accept(MAX_WAIT_MS);
  const seconds = WHOLE_NUMBER.test(wait) ? Number(wait) : Number.NaN;
  if (seconds * 1000 <= MAX_WAIT_MS) return accept(seconds * 1000);
  return refuse("invalid_field", `"wait" must be whole seconds, 0 to ${MAX_WAIT_MS / 1000}`);
}

/** The number of a call; null when it has none. */
export function seqOf(query: URLSearchParams): Result<number | null> {
  const seq = query.get("seq");
  if (seq === null) return accept(null);
  if (WHOLE_NUMBER.test(seq) && Number(seq) > 0) return accept(Number(seq));
  return refuse("invalid_field", `"seq" must be the number of the call, a whole number from 1`);
}

/** The channels that a query names. */
function channelsOf(query: URLSearchParams): string[] {
  // A name may have commas, so there is a way to give one alone.
  const listed = query.getAll("channels").flatMap((names) => names.split(","));
  return [...listed, ...query.getAll("channel")].filter((name) => name !== "");
}

/** The only channel that a query names; null when it names several or none. */
export function onlyChannelOf(query: URLSearchParams): string | null {
  const [first, ...others] = channelsOf(query);
  return first === undefined || others.length > 0 ? null : first;
}

/**
 * The command that subscribes to the channels of a query; null when it names none. `position`: where the client stands on
 * its only one, as it was told last; null: what the query says.
 */
export function subscribeOf(query: URLSearchParams, position: string | null): Uint8Array | null {
  const channels = channelsOf(query);
  if (channels.length === 0) return null;
  const rewind = query.get("rewind");
  // A position is one channel's: with several, nobody can say whose.
  const recover = channels.length > 1 ? null : (position ?? query.get("recover"));
  const past = {
    ...(rewind === null ? {} : { rewind: WHOLE_NUMBER.test(rewind) ? Number(rewind) : rewind }),
    ...(recover === null ? {} : { recover }),
  };
  const targets = channels.map((channel) => ({ channel, ...past }));
  const [only] = targets;
  const command = targets.length === 1 ? { type: "subscribe", ...only } : { type: "subscribe", channels: targets };
  return Buffer.from(JSON.stringify(command));
}
