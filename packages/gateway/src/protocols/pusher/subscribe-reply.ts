import type { Joined, Roster } from "@carillon/core";
import {
  ERROR_CODES,
  type ErrorCode,
  type Refusal,
  refuse,
  type SubscribedHistory,
  type SubscribeTarget,
} from "@carillon/protocol";
import {
  cacheMiss,
  internalSubscriptionError,
  type PusherCaughtUp,
  type PusherCommand,
  type PusherRoster,
  type PusherSubscribe,
  type PusherSubscriptionError,
  subscriptionError,
  subscriptionSucceeded,
} from "@carillon/protocol/pusher";
import { type FittedCatchUp, fitCatchUp } from "../fit-catch-up.ts";

/** What .NET clients call themselves; they listen for a failed subscribe under another name. */
const DOTNET_CLIENT = "pusher-dotnet-client";

/** What the session is asked for. `hasRecovery`: whether the connection has asked for it; positions mean nothing otherwise. */
export function targetOf(
  { channel, auth, channelData, recover }: PusherSubscribe,
  hasRecovery: boolean,
): SubscribeTarget {
  return {
    channel,
    ...(auth === undefined ? {} : { token: auth }),
    ...(channelData === undefined ? {} : { data: channelData }),
    ...(recover === undefined || !hasRecovery ? {} : { recover: recover.position }),
    ...(recover?.socketId === undefined ? {} : { formerId: recover.socketId }),
  };
}

/** The channel that a command subscribes to, or was meant to. */
export function subscribedBy(command: PusherCommand): string | null {
  if (command.type === "subscribe") return command.channel;
  return command.type === "refused" ? command.subscribed : null;
}

/** What a subscription that stands comes to. */
export interface Success {
  readonly target: SubscribeTarget;
  /** null on a channel without history and presence. */
  readonly joined: Joined | null;
  /** How much of the channel's past may be written. */
  readonly maxPastBytes: number;
  readonly hasRecovery: boolean;
}

/** The frames that answer a subscribe whose subscription stands, before anything live; and how many deliveries are among them. */
export function successFrames({ target, joined, maxPastBytes, hasRecovery }: Success): {
  readonly frames: readonly (string | Uint8Array)[];
  readonly deliveries: number;
} {
  const { channel, recover } = target;
  const { roster, me } = joined ?? {};
  // The newest event of a cache channel is one frame, which is never left out.
  const limitBytes = joined?.isRecovered === true ? maxPastBytes : Number.POSITIVE_INFINITY;
  const { told, frames } = joined === null ? NO_PAST : fitCatchUp(joined, limitBytes, recover !== undefined);
  const answer = subscriptionSucceeded(
    channel,
    roster === undefined ? undefined : shown(roster, me),
    hasRecovery
      ? caughtUp(standingOf(told, frames, recover), recover !== undefined && joined?.position === undefined)
      : undefined,
  );
  const missed = joined?.isCached === false ? [cacheMiss(channel)] : [];
  return { frames: [answer, ...frames, ...missed], deliveries: frames.length };
}

/** The connection may break between the answer and what follows it: until that is there, the client stands where it stood, or nowhere. */
function standingOf(
  told: SubscribedHistory,
  { length }: readonly Uint8Array[],
  asked: string | undefined,
): SubscribedHistory {
  const { position, ...rest } = told;
  const before = told.recovered === true ? asked : undefined;
  const stands = length === 0 ? position : before;
  return stands === undefined ? rest : { ...rest, position: stands };
}

const NO_PAST: FittedCatchUp = { told: {}, frames: [] };

function caughtUp({ position, recovered, reason }: SubscribedHistory, hasNoHistory: boolean): PusherCaughtUp {
  if (hasNoHistory) return { recovered: false, reason: "no_history" };
  return {
    ...(position === undefined ? {} : { position }),
    ...(recovered === undefined ? {} : { recovered }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/**
 * On a channel that only counts the joiner alone is listed: clients look themselves up in it. They do so once, so that it stands there
 * as it has just come, whatever a connection that is still there, or just not gone yet, has told of it.
 */
function shown(roster: Roster, me: Joined["me"]): PusherRoster {
  const { count, isCountOnly } = roster;
  if (isCountOnly) return { members: me === undefined ? [] : [me], count };
  const { members } = roster.page(null, count);
  return { members: members.map((member) => (member.id === me?.id ? me : member)), count };
}

/** A refusal for lack of proof says what the proof has to sign; any other is as it was. */
export function withSignedText(refusal: Refusal, connectionId: string, { channel, data }: SubscribeTarget): Refusal {
  const { code, message } = refusal;
  if (code !== "forbidden" && code !== "token_required") return refusal;
  const text = `${connectionId}:${channel}${data === undefined ? "" : ":<channel_data>"}`;
  return refuse(code, `${message}: "auth" is APP_KEY:SIGNATURE, which signs ${text}`);
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
