/** What a Pusher client sends: text frames of JSON, one event each. */
import { CHANNEL_NAME_RULE, isChannelName, userOfChannel } from "../channel-name.ts";
import { EVENT_NAME_RULE, isClientEventName, isEventName } from "../event-name.ts";
import { memberSpan } from "../json-span.ts";
import { accept, type Refusal, type Result, refuse } from "../refusal.ts";
import { type PusherPayload, toPayload } from "./data.ts";

/** Whatever a Pusher client may send, decoded and checked in form; whether it is allowed comes later. */
export type PusherCommand =
  | PusherSubscribe
  | { readonly type: "unsubscribe"; readonly channel: string }
  | PusherSignIn
  | PusherClientEvent
  | PusherRefused
  | { readonly type: "ping"; readonly wantsRecovery: boolean }
  | { readonly type: "pong" }
  /** Something that this version of the server knows nothing of, or that has nothing to undo. */
  | { readonly type: "unknown" };

/** Asks for a channel. */
export interface PusherSubscribe {
  readonly type: "subscribe";
  readonly channel: string;
  /** `APP_KEY:SIGNATURE`; absent or empty where none is needed. */
  readonly auth?: string;
  /** What is signed besides the channel, exactly as it was sent. */
  readonly channelData?: string;
  /** What came last on the channel, on a connection before this one. */
  readonly recover?: PusherRecover;
}

/** Where a client wants to go on. */
export interface PusherRecover {
  /** As it was given out; any text, "" for what is none. */
  readonly position: string;
  /** The socket id of the connection on which the client was told the position. */
  readonly socketId?: string;
}

/** Says whose connection it is. */
export interface PusherSignIn {
  readonly type: "signin";
  readonly auth: string;
  /** JSON text, exactly as it was sent. */
  readonly userData: string;
}

/** An event for the other subscribers of a channel. */
export interface PusherClientEvent extends PusherPayload {
  readonly type: "client-event";
  readonly channel: string;
  readonly event: string;
}

/**
 * A command whose channel or event has a name that none may have, or whose proof is no text. Applications build names out of ids, and
 * clients pass on what an auth endpoint answered: it is no nonsense.
 */
export interface PusherRefused {
  readonly type: "refused";
  /** The channel that was to be subscribed to, as far as it is echoed; null for a client event. */
  readonly subscribed: string | null;
  readonly refusal: Refusal;
}

/** So much of a name that is none is echoed, in UTF-16 units: clients find their channel by it, and a frame may be all name. */
const MAX_ECHOED_LENGTH = 1000;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NULL = encoder.encode("null");
const SOCKET_ID = /^\d{1,20}\.\d{1,20}$/;
const PING = accept<PusherCommand>({ type: "ping", wantsRecovery: false });
const RECOVERY_PING = accept<PusherCommand>({ type: "ping", wantsRecovery: true });
const PONG = accept<PusherCommand>({ type: "pong" });
const UNKNOWN = accept<PusherCommand>({ type: "unknown" });

/** Decodes a text frame of a client. Never throws; the payload of a client event is a view into `frame`, or bytes of its own. */
export function decodePusherCommand(frame: Uint8Array): Result<PusherCommand> {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(frame));
  } catch {
    // The parser's own message would quote the frame, which may hold a signature.
    return refuse("invalid_json", "the frame is not JSON text in UTF-8");
  }
  if (!isMap(value)) return refuse("invalid_frame", 'a frame is a JSON object: {"event":…,"data":…}');
  const { event } = value;
  if (typeof event !== "string") return refuse("invalid_frame", '"event" must be a string');
  switch (event) {
    case "pusher:ping":
      return dataOf(value)?.["recovery"] === 1 ? RECOVERY_PING : PING;
    case "pusher:pong":
      return PONG;
    case "pusher:subscribe":
      return readSubscribe(dataOf(value));
    case "pusher:unsubscribe":
      return readUnsubscribe(dataOf(value));
    case "pusher:signin":
      return readSignIn(dataOf(value));
    default:
      return isClientEventName(event) ? readClientEvent(event, value, frame) : UNKNOWN;
  }
}

type JsonMap = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The `data` of a protocol event; some clients send it as a string of JSON text. */
function dataOf({ data }: JsonMap): JsonMap | null {
  if (typeof data !== "string") return isMap(data) ? data : null;
  try {
    const value: unknown = JSON.parse(data);
    return isMap(value) ? value : null;
  } catch {
    return null;
  }
}

function readSubscribe(data: JsonMap | null): Result<PusherCommand> {
  if (data === null) return NO_DATA;
  const { channel, auth, channel_data: channelData, recover } = data;
  if (typeof channel !== "string") return BAD_CHANNEL;
  if (!isSubscribable(channel)) return refused(BAD_CHANNEL, channel.slice(0, MAX_ECHOED_LENGTH));
  if (!isOptionalText(auth)) return refused(BAD_AUTH, channel);
  if (!isOptionalText(channelData)) return refused(BAD_CHANNEL_DATA, channel);
  return accept({
    type: "subscribe",
    channel,
    ...(auth == null ? {} : { auth }),
    ...(channelData == null ? {} : { channelData }),
    ...(recover == null ? {} : { recover: readRecover(recover) }),
  });
}

/** Whatever it is: the subscription is worth more than a position that makes no sense, and the answer says that it made none. */
function readRecover(recover: unknown): PusherRecover {
  const { position, socket_id: socketId } = isMap(recover) ? recover : ({} as JsonMap);
  return {
    position: typeof position === "string" ? position : "",
    ...(typeof socketId === "string" && SOCKET_ID.test(socketId) ? { socketId } : {}),
  };
}

function readUnsubscribe(data: JsonMap | null): Result<PusherCommand> {
  if (data === null) return NO_DATA;
  const { channel } = data;
  if (typeof channel !== "string") return BAD_CHANNEL;
  return isSubscribable(channel) ? accept({ type: "unsubscribe", channel }) : UNKNOWN;
}

function readSignIn(data: JsonMap | null): Result<PusherCommand> {
  if (data === null) return NO_DATA;
  const { auth, user_data: userData } = data;
  if (typeof auth !== "string" || typeof userData !== "string") {
    return refuse("invalid_field", '"auth" and "user_data" must be strings, as the user auth endpoint answered them');
  }
  return accept({ type: "signin", auth, userData });
}

function readClientEvent(event: string, { channel, data }: JsonMap, frame: Uint8Array): Result<PusherCommand> {
  if (typeof channel !== "string") return BAD_CHANNEL;
  if (!isChannelName(channel)) return refused(BAD_CHANNEL);
  if (!isEventName(event)) return refused(BAD_EVENT);
  if (typeof data === "string") return accept({ type: "client-event", channel, event, ...toPayload(data) });
  const span = memberSpan(frame, "data");
  const payload = span === null ? NULL : frame.subarray(span.start, span.end);
  return accept({ type: "client-event", channel, event, payload });
}

const NO_DATA = refuse("missing_field", '"data" must be an object: {"event":…,"data":{…}}');
const BAD_CHANNEL = refuse("invalid_channel", CHANNEL_NAME_RULE);
const BAD_AUTH = refuse("invalid_field", '"auth" must be a string: KEY:SIGNATURE, made by the auth endpoint');
const BAD_CHANNEL_DATA = refuse(
  "invalid_field",
  '"channel_data" must be a string: the JSON text that the auth endpoint has signed, not an object',
);
const BAD_EVENT = refuse("invalid_event", EVENT_NAME_RULE);

function refused(refusal: Refusal, subscribed: string | null = null): Result<PusherCommand> {
  return accept({ type: "refused", subscribed, refusal });
}

/** Every channel name, and the channels of users. */
function isSubscribable(channel: string): boolean {
  return isChannelName(channel) || userOfChannel(channel) !== null;
}

function isOptionalText(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === "string";
}
