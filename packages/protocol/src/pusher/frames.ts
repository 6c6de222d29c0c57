/**
 * What a Pusher client is sent: text frames of JSON, one event each. Which of them have a `channel`, and whose `data` must be
 * a string, is no matter of taste: clients in several languages fail over the other form.
 */
import type { Envelope } from "../envelope.ts";
import { isClientEventName } from "../event-name.ts";
import { toDataLiteral } from "./data.ts";

/** A user as a frame shows it; `info` is JSON text, null for none. */
export interface PusherMember {
  readonly id: string;
  readonly info: string | null;
}

/** Who is on a presence channel. */
export interface PusherRoster {
  readonly members: readonly PusherMember[];
  readonly count: number;
}

/** How a subscription to a channel with history begins, on a connection that asked for recovery. */
export interface PusherCaughtUp {
  /** Where it stands; absent while that can't be told. */
  readonly position?: string;
  /** Whether everything since the client's own position follows; absent when it gave none. */
  readonly recovered?: boolean;
  /** Why it doesn't. */
  readonly reason?: string;
}

/** Why a subscribe failed. */
export interface PusherSubscriptionError {
  readonly type: "AuthError" | "LimitReached" | "InvalidRequest" | "Unavailable";
  readonly error: string;
  /** An HTTP status. */
  readonly status: number;
}

const encoder = new TextEncoder();

/** Answers a ping. */
export const PUSHER_PONG = '{"event":"pusher:pong","data":"{}"}';

/** Answers a ping that asked for recovery: this connection has it. */
export const PUSHER_RECOVERY_PONG = '{"event":"pusher:pong","data":"{\\"recovery\\":1}"}';

/** First frame of every accepted connection. */
export function connectionEstablished(socketId: string, activityTimeoutSeconds: number): string {
  // A socket id is made of digits and a dot. By hand, because thousands may come back at once, and each gets it.
  const data = `{\\"socket_id\\":\\"${socketId}\\",\\"activity_timeout\\":${activityTimeoutSeconds}}`;
  return `{"event":"pusher:connection_established","data":"${data}"}`;
}

/** Something is wrong with the connection or a command. `code`: null where it has none. */
export function pusherError(code: number | null, message: string): string {
  return JSON.stringify({ event: "pusher:error", data: { code, message } });
}

/** A subscription stands. `roster`: on a presence channel. `caughtUp`: on a connection that asked for recovery. */
export function subscriptionSucceeded(channel: string, roster?: PusherRoster, caughtUp?: PusherCaughtUp): string {
  const data = roster === undefined ? "{}" : rosterText(roster);
  return withMembers(internal("pusher_internal:subscription_succeeded", channel, data), caughtUp);
}

/** Publications of a channel are lost. `position`: where its subscribers stand now, if that can be told. */
export function eventsLost(channel: string, position?: string): string {
  return withMembers(
    internal("pusher_internal:events_lost", channel, "{}"),
    position === undefined ? {} : { position },
  );
}

// The position comes last in every frame that has one: so it is found without reading what an application has sent.
function withMembers(frame: string, caughtUp: PusherCaughtUp | undefined): string {
  if (caughtUp === undefined) return frame;
  const { recovered, reason, position } = caughtUp;
  const members = JSON.stringify({ recovered, reason, position });
  return members === "{}" ? frame : `${frame.slice(0, -1)},${members.slice(1)}`;
}

// Put together as text: an id such as `__proto__` is no key of an object to JavaScript.
function rosterText({ members, count }: PusherRoster): string {
  const ids = members.map(({ id }) => JSON.stringify(id));
  const hash = members.map(({ info }, index) => `${ids[index]}:${info ?? "null"}`);
  return `{"presence":{"ids":[${ids.join(",")}],"hash":{${hash.join(",")}},"count":${count}}}`;
}

/** A subscribe failed; the connection lives on. */
export function subscriptionError(channel: string, data: PusherSubscriptionError): string {
  return JSON.stringify({ event: "pusher:subscription_error", channel, data });
}

/** The same under the name that .NET clients listen to. */
export function internalSubscriptionError(channel: string, data: PusherSubscriptionError): string {
  return JSON.stringify({ event: "pusher_internal:subscription_error", channel, data });
}

/** A cache channel has nothing to begin with. */
export function cacheMiss(channel: string): string {
  return internal("pusher:cache_miss", channel, "{}");
}

/** A user came to a presence channel. */
export function memberAdded(channel: string, { id, info }: PusherMember): string {
  return internal(
    "pusher_internal:member_added",
    channel,
    `{"user_id":${JSON.stringify(id)},"user_info":${info ?? "null"}}`,
  );
}

/** A user left a presence channel. */
export function memberRemoved(channel: string, id: string): string {
  return internal("pusher_internal:member_removed", channel, JSON.stringify({ user_id: id }));
}

/** How many connections are subscribed to a channel. */
export function subscriptionCount(channel: string, count: number): string {
  return internal("pusher_internal:subscription_count", channel, `{"subscription_count":${count}}`);
}

/** A sign-in succeeded. `userData`: as it was sent. */
export function signInSuccess(userData: string): string {
  return JSON.stringify({ event: "pusher:signin_success", data: { user_data: userData } });
}

/** Which of the users that a connection watches came and went; null when none did. */
export function watchlistEvents(online: readonly string[], offline: readonly string[]): string | null {
  const events = [
    ...(online.length === 0 ? [] : [{ name: "online", user_ids: online }]),
    ...(offline.length === 0 ? [] : [{ name: "offline", user_ids: offline }]),
  ];
  if (events.length === 0) return null;
  return JSON.stringify({ event: "pusher_internal:watchlist_events", data: JSON.stringify({ events }) });
}

/**
 * A publication. `data` is a string, but for a client event that was sent with something else. `position`: only for clients
 * that asked for it.
 */
export function encodePusherPublication(channel: string, publication: Envelope, position?: string): Uint8Array {
  const { event, userId } = publication;
  const head = encoder.encode(`{"event":${JSON.stringify(event)},"channel":${JSON.stringify(channel)},"data":`);
  const data = isSentAsValue(publication) ? publication.payload : toDataLiteral(publication);
  const isSigned = userId !== undefined && channel.startsWith("presence-");
  const signed = isSigned ? `,"user_id":${JSON.stringify(userId)}` : "";
  const positioned = position === undefined ? "" : `,"position":"${position}"`;
  const tail = encoder.encode(`${signed}${positioned}}`);
  const frame = new Uint8Array(head.length + data.length + tail.length);
  frame.set(head);
  frame.set(data, head.length);
  frame.set(tail, head.length + data.length);
  return frame;
}

/** A client event comes as its sender gave it. */
function isSentAsValue({ event, isDataText }: Envelope): boolean {
  return isDataText !== true && isClientEventName(event);
}

function internal(event: string, channel: string, data: string): string {
  return `{"event":"${event}","channel":${JSON.stringify(channel)},"data":${JSON.stringify(data)}}`;
}
