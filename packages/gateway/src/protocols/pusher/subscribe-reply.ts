import type { Joined, Roster } from "@carillon/core";
import { ERROR_CODES, type ErrorCode, type Refusal } from "@carillon/protocol";
import {
  cacheMiss,
  internalSubscriptionError,
  type PusherRoster,
  type PusherSubscriptionError,
  subscriptionError,
  subscriptionSucceeded,
} from "@carillon/protocol/pusher";

/** What .NET clients call themselves; they listen for a failed subscribe under another name. */
const DOTNET_CLIENT = "pusher-dotnet-client";

/** The frames that answer a subscribe whose subscription stands, before anything live. */
export function successFrames(channel: string, joined: Joined | null): readonly (string | Uint8Array)[] {
  const { roster, me, frames = [], isCached } = joined ?? {};
  const succeeded = subscriptionSucceeded(channel, roster === undefined ? undefined : shown(roster, me));
  return [succeeded, ...frames, ...(isCached === false ? [cacheMiss(channel)] : [])];
}

/** On a channel that only counts the joiner alone is listed: clients look themselves up in it. */
function shown(roster: Roster, me: Joined["me"]): PusherRoster {
  const { count, isCountOnly } = roster;
  if (isCountOnly) return { members: me === undefined ? [] : [me], count };
  return { members: roster.page(null, count).members, count };
}

/** The frames that answer a subscribe which was refused. `client`: what the client calls itself. */
export function failureFrames(channel: string, refusal: Refusal, client: string): readonly string[] {
  const data = { type: typeOf(refusal.code), error: refusal.message, status: statusOf(refusal.code) };
  const failed = subscriptionError(channel, data);
  return client === DOTNET_CLIENT ? [failed, internalSubscriptionError(channel, data)] : [failed];
}

const AUTH_STATUS = 401;

function statusOf(code: ErrorCode): number {
  return typeOf(code) === "AuthError" ? AUTH_STATUS : ERROR_CODES[code].status;
}

function typeOf(code: ErrorCode): PusherSubscriptionError["type"] {
  switch (code) {
    case "forbidden":
    case "token_required":
    case "unauthorized":
      return "AuthError";
    case "presence_limit":
    case "channel_limit":
    case "rate_limited":
      return "LimitReached";
    default:
      return ERROR_CODES[code].status >= 500 ? "Unavailable" : "InvalidRequest";
  }
}
