import type { AppLimits, NewEvent } from "@carillon/core";
import {
  accept,
  CHANNEL_NAME_RULE,
  channelKind,
  EVENT_NAME_RULE,
  isChannelName,
  isEventName,
  type Result,
  refuse,
  userOfChannel,
} from "@carillon/protocol";
import { toPayload } from "@carillon/protocol/pusher";
import type { PublishRequest } from "../publish-request.ts";
import {
  channelMistake,
  isConnectionId,
  isMessageId,
  isObject,
  isOver,
  kindOf,
  MESSAGE_ID_RULE,
  type Members,
} from "../request-value.ts";
import { type InfoAttribute, readInfo } from "./info-attributes.ts";

/** An event as Pusher's API has it, checked: it may be published. */
export interface Trigger extends PublishRequest {
  /** What the caller wants to know about its channels. */
  readonly info: ReadonlySet<InfoAttribute>;
}

/** What the body of a call is, and the limits of the app that it is for. */
export interface TriggerSource {
  /** What JSON.parse made of it. */
  readonly value: unknown;
  readonly limits: AppLimits;
}

interface EventSource {
  readonly members: Members;
  /** What stands before a member's name in messages: `` or `batch[3].`. */
  readonly place: string;
  readonly limits: AppLimits;
}

const COUNTS: readonly InfoAttribute[] = ["user_count", "subscription_count"];

/** Reads the body of `POST /apps/:id/events`. */
export function readTrigger({ value, limits }: TriggerSource): Result<Trigger> {
  if (!isObject(value)) return refuse("invalid_field", `the body is ${kindOf(value)}: send { name, data, channels }`);
  return readEvent({ members: value, place: "", limits }, readChannels);
}

/** Reads the body of `POST /apps/:id/batch_events`: all of its events, or the first mistake. */
export function readTriggerBatch({ value, limits }: TriggerSource): Result<readonly Trigger[]> {
  const batch = isObject(value) ? value["batch"] : undefined;
  if (!Array.isArray(batch)) return refuse("missing_field", "the body has no batch: send { batch: [ … ] }");
  if (batch.length === 0) return refuse("invalid_field", `"batch" is empty: send at least one event`);
  if (isOver(batch.length, limits.batchEvents)) {
    const limit = `the app's limit is ${limits.batchEvents} (limits.batchEvents)`;
    return refuse("batch_too_large", `the batch has ${batch.length} events, ${limit}: split it`);
  }
  const triggers: Trigger[] = [];
  for (const [index, members] of batch.entries()) {
    if (!isObject(members)) {
      return refuse("invalid_field", `"batch[${index}]" is ${kindOf(members)}, not { channel, name, data }`);
    }
    const trigger = readEvent({ members, place: `batch[${index}].`, limits }, readOneChannel);
    if (!trigger.ok) return trigger;
    triggers.push(trigger.value);
  }
  return accept(triggers);
}

function readEvent(
  source: EventSource,
  readNames: (source: EventSource) => Result<readonly string[]>,
): Result<Trigger> {
  const { members } = source;
  const channels = readNames(source);
  if (!channels.ok) return channels;
  const event = members["name"];
  if (!isEventName(event)) {
    const found =
      event === undefined ? "is missing" : typeof event === "string" ? "is not allowed" : `is ${kindOf(event)}`;
    const code = event === undefined ? "missing_field" : "invalid_event";
    return refuse(code, `${name(source, "name")} ${found}: ${EVENT_NAME_RULE}`);
  }
  const data = readData(source);
  if (!data.ok) return data;
  const exclude = members["socket_id"] ?? null;
  if (exclude !== null && !isConnectionId(exclude)) {
    const rule = `must be the id of a connection such as "123.456", null, or left out`;
    return refuse("invalid_field", `${name(source, "socket_id")} ${rule}`);
  }
  const id = members["idempotency_key"] ?? null;
  if (id !== null && !isMessageId(id)) {
    return refuse("invalid_field", `${name(source, "idempotency_key")} ${MESSAGE_ID_RULE}`);
  }
  const info = readEventInfo(source, channels.value);
  if (!info.ok) return info;
  const { payload, isDataText } = toPayload(data.value);
  const isIdempotent = id !== null;
  const newEvent: NewEvent = { event, payload, isDataText, exclude: exclude ?? "", id: id ?? undefined, isIdempotent };
  return accept({
    channels: channels.value,
    event: newEvent,
    receiptsMs: 0,
    info: info.value,
  });
}

function readChannels(source: EventSource): Result<readonly string[]> {
  const { members, limits } = source;
  const many = members["channels"] ?? null;
  if (many === null) return readOneChannel(source);
  // SDKs send either; whoever sends both means something that can't be guessed.
  if ((members["channel"] ?? null) !== null) {
    return refuse("invalid_field", `"channel" and "channels" are both there: send one of them`);
  }
  if (!Array.isArray(many)) return refuse("invalid_field", `"channels" is ${kindOf(many)}, not an array of names`);
  if (many.length === 0) return refuse("invalid_field", `"channels" is empty: name at least one`);
  if (isOver(many.length, limits.channelsPerPublish)) {
    const limit = `the app's limit is ${limits.channelsPerPublish} (limits.channelsPerPublish)`;
    return refuse("too_many_channels", `"channels" has ${many.length} channels, ${limit}: split it`);
  }
  const channels = new Set<string>();
  for (const [index, channel] of many.entries()) {
    const read = readChannel(`"channels[${index}]"`, channel);
    if (!read.ok) return read;
    channels.add(read.value);
  }
  return accept([...channels]);
}

function readOneChannel(source: EventSource): Result<readonly string[]> {
  const channel = source.members["channel"] ?? null;
  if (channel === null) {
    const form = source.place === "" ? `a name, or "channels"` : "a name: each event of a batch has one";
    return refuse("missing_field", `${name(source, "channel")} is missing (${form})`);
  }
  const read = readChannel(name(source, "channel"), channel);
  return read.ok ? accept([read.value]) : read;
}

/** A channel that may be published to: any channel, or that of one user. */
function readChannel(where: string, channel: unknown): Result<string> {
  if (isChannelName(channel)) return accept(channel);
  if (typeof channel !== "string" || !channel.startsWith("#")) {
    return refuse("invalid_channel", channelMistake(where, channel));
  }
  if (userOfChannel(channel) !== null) return accept(channel);
  const rule = "a name that begins with # must be #server-to-user- and a user id of 1 to 128 characters";
  return refuse("invalid_channel", `${where} is no user's channel: ${rule}; otherwise ${CHANNEL_NAME_RULE}`);
}

function readData(source: EventSource): Result<string> {
  const data = source.members["data"] ?? null;
  const where = name(source, "data");
  if (data === null) return refuse("missing_field", `${where} is missing (a string, such as JSON text)`);
  if (typeof data !== "string") {
    return refuse("invalid_field", `${where} is ${kindOf(data)}, not a string: send it as JSON text in a string`);
  }
  const bytes = Buffer.byteLength(data);
  const limit = source.limits.messageBytes;
  if (!isOver(bytes, limit)) return accept(data);
  const advice = "publish less, for example an id to fetch the rest by";
  const limitText = `the app's limit is ${limit} bytes (limits.messageBytes)`;
  return refuse("message_too_large", `${where} has ${bytes} bytes, ${limitText}: ${advice}`);
}

function readEventInfo(source: EventSource, channels: readonly string[]): Result<ReadonlySet<InfoAttribute>> {
  const asked = source.members["info"] ?? null;
  const where = name(source, "info");
  if (asked !== null && typeof asked !== "string") {
    return refuse("invalid_field", `${where} is ${kindOf(asked)}, not a string: put commas between attributes`);
  }
  const info = readInfo(asked, COUNTS);
  if (!info.ok || !info.value.has("user_count")) return info;
  // Among several channels those that are no presence channels just have none.
  if (channels.some((channel) => channelKind(channel) === "presence")) return info;
  return refuse("invalid_field", `${where} asks for user_count, which presence channels alone have`);
}

function name({ place }: EventSource, member: string): string {
  return `"${place}${member}"`;
}
