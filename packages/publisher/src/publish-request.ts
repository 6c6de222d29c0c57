import { type AppLimits, MAX_RECEIPTS_MS, type NewEvent } from "@carillon/core";
import {
  accept,
  EVENT_NAME_RULE,
  elementSpans,
  isEventName,
  isPublishableChannel,
  isSenderId,
  memberSpan,
  type Refusal,
  type Result,
  refuse,
} from "@carillon/protocol";
import {
  channelMistake,
  isConnectionId,
  isMessageId,
  isObject,
  isOver,
  kindOf,
  MESSAGE_ID_RULE,
  type Members,
} from "./request-value.ts";

/** One event and where it goes, checked: it may be published. */
export interface PublishRequest {
  /** At least one, each once, in the caller's order. */
  readonly channels: readonly string[];
  readonly event: NewEvent;
  /** How long the caller waits for its subscribers to say that they have it, in ms; 0: not at all. */
  readonly receiptsMs: number;
}

/** A body, parsed and as it came, and the limits of the app that it is for. */
export interface PublishSource {
  /** What JSON.parse made of `bytes`. */
  readonly value: unknown;
  readonly bytes: Uint8Array;
  readonly limits: AppLimits;
}

/** An event's object within a body. */
interface EventSource {
  readonly members: Members;
  /** What stands before a member's name in messages: `` or `events[3].`. */
  readonly place: string;
  /** Where the object begins in `bytes`. */
  readonly start: number;
  readonly bytes: Uint8Array;
  readonly limits: AppLimits;
}

const KNOWN_MEMBERS: ReadonlySet<string> = new Set([
  "channel",
  "channels",
  "event",
  "payload",
  "id",
  "exclude",
  "receipts",
]);
const NULL_PAYLOAD: Uint8Array = new TextEncoder().encode("null");
const MAX_NAMES_SHOWN = 8;
const MAX_NAME_SHOWN_LENGTH = 40;

/** Reads the body of `POST /publish`. Unknown members are ignored. */
export function readPublish(source: PublishSource): Result<readonly PublishRequest[]> {
  const { value, bytes, limits } = source;
  if (Array.isArray(value)) {
    return refuse("invalid_field", "the body is an array: several events go to POST /publish/batch as { events: […] }");
  }
  if (!isObject(value))
    return refuse("invalid_field", `the body is ${kindOf(value)}: send { channel, event, payload }`);
  const isBatch = value["channel"] === undefined && Array.isArray(value["events"]);
  if (isBatch) return refuse("missing_field", `"channel" is missing: a body with "events" goes to POST /publish/batch`);
  const request = readEvent({ members: value, place: "", start: 0, bytes, limits });
  return request.ok ? accept([request.value]) : request;
}

/** Reads the body of `POST /publish/batch`: all of its events, or the first mistake. */
export function readBatch(source: PublishSource): Result<readonly PublishRequest[]> {
  const { value, bytes, limits } = source;
  if (!isObject(value)) return refuse("invalid_field", `the body is ${kindOf(value)}: send { events: […] }`);
  const events = value["events"];
  if (events === undefined) return refuse("missing_field", `"events" is missing${foundInstead(value)}`);
  if (!Array.isArray(events)) return refuse("invalid_field", `"events" is ${kindOf(events)}, not an array of events`);
  if (events.length === 0) return refuse("invalid_field", `"events" is empty: send at least one event`);
  if (isOver(events.length, limits.batchEvents)) {
    const limit = `the app's limit is ${limits.batchEvents} (limits.batchEvents)`;
    return refuse("batch_too_large", `the batch has ${events.length} events, ${limit}: split it`);
  }
  const spans = elementSpans(bytes, memberSpan(bytes, "events")?.start ?? 0);
  const requests: PublishRequest[] = [];
  for (const [index, members] of events.entries()) {
    if (!isObject(members)) {
      return refuse("invalid_field", `"events[${index}]" is ${kindOf(members)}, not { channel, event, payload }`);
    }
    const start = spans[index]?.start ?? 0;
    const request = readEvent({ members, place: `events[${index}].`, start, bytes, limits });
    if (!request.ok) return request;
    requests.push(request.value);
  }
  return accept(requests);
}

function readEvent(source: EventSource): Result<PublishRequest> {
  const { members } = source;
  const channels = readChannels(source);
  if (!channels.ok) return channels;
  const event = readEventName(source);
  if (!event.ok) return event;
  const payload = readPayload(source);
  if (!payload.ok) return payload;
  const id = members["id"] ?? null;
  if (id !== null && !isMessageId(id)) {
    return refuse("invalid_field", `${name(source, "id")} ${MESSAGE_ID_RULE}`);
  }
  const exclude = members["exclude"] ?? "";
  if (exclude !== "" && !isConnectionId(exclude) && !isSenderId(exclude)) {
    const rule = `must be a connection id such as "123.456", or a sender id, or left out`;
    return refuse("invalid_field", `${name(source, "exclude")} ${rule}`);
  }
  const receiptsMs = readReceipts(source, channels.value.length);
  if (!receiptsMs.ok) return receiptsMs;
  const isIdempotent = id !== null;
  const newEvent: NewEvent = { event: event.value, payload: payload.value, exclude, id: id ?? undefined, isIdempotent };
  return accept({
    channels: channels.value,
    event: newEvent,
    receiptsMs: receiptsMs.value,
  });
}

function readReceipts(source: EventSource, channels: number): Result<number> {
  const receipts = source.members["receipts"] ?? null;
  if (receipts === null) return accept(0);
  if (source.place !== "" || channels > 1) {
    return refuse("invalid_field", `${name(source, "receipts")} goes with POST /publish on one channel only`);
  }
  const timeoutMs = isObject(receipts) ? receipts["timeoutMs"] : undefined;
  if (!Number.isInteger(timeoutMs) || Number(timeoutMs) < 1 || Number(timeoutMs) > MAX_RECEIPTS_MS) {
    return refuse("invalid_field", `"receipts" must be {"timeoutMs": a whole number from 1 to ${MAX_RECEIPTS_MS}}`);
  }
  return accept(Number(timeoutMs));
}

function readChannels(source: EventSource): Result<readonly string[]> {
  const one = source.members["channel"] ?? null;
  const many = source.members["channels"] ?? null;
  if (many === null) {
    if (one === null) return missing(source, "channel", `a string, or "channels"`);
    return isPublishableChannel(one)
      ? accept([one])
      : refuse("invalid_channel", channelMistake(name(source, "channel"), one));
  }
  if (one !== null) {
    return refuse("invalid_field", `${name(source, "channel")} and "channels" are both there: send one of them`);
  }
  if (!Array.isArray(many)) {
    return refuse("invalid_field", `${name(source, "channels")} is ${kindOf(many)}, not an array of channel names`);
  }
  return readChannelList(source, many);
}

function readChannelList(source: EventSource, names: readonly unknown[]): Result<readonly string[]> {
  if (names.length === 0) return refuse("invalid_field", `${name(source, "channels")} is empty: name at least one`);
  const limit = source.limits.channelsPerPublish;
  if (isOver(names.length, limit)) {
    const found = `${name(source, "channels")} has ${names.length} channels`;
    return refuse("too_many_channels", `${found}, the app's limit is ${limit} (limits.channelsPerPublish): split it`);
  }
  const channels = new Set<string>();
  for (const [index, channel] of names.entries()) {
    if (!isPublishableChannel(channel)) {
      return refuse("invalid_channel", channelMistake(name(source, `channels[${index}]`), channel));
    }
    channels.add(channel);
  }
  return accept([...channels]);
}

function readEventName(source: EventSource): Result<string> {
  const event = source.members["event"] ?? null;
  if (event === null) return missing(source, "event", "a string, the name of what happened");
  if (isEventName(event)) return accept(event);
  const found = typeof event === "string" ? "is not allowed" : `is ${kindOf(event)}`;
  return refuse("invalid_event", `${name(source, "event")} ${found}: ${EVENT_NAME_RULE}`);
}

function readPayload(source: EventSource): Result<Uint8Array> {
  const { members, bytes, start, limits } = source;
  if (members["payload"] === undefined) {
    // An event without a payload is fine; one whose payload stands under another name would arrive without it.
    const isMisnamed = Object.keys(members).some((member) => !KNOWN_MEMBERS.has(member));
    if (isMisnamed) return missing(source, "payload", "any JSON value; null for none");
    return accept(NULL_PAYLOAD);
  }
  const span = memberSpan(bytes, "payload", start);
  if (span === null) throw new Error("a payload that was parsed can't be found in its own text");
  const length = span.end - span.start;
  if (isOver(length, limits.messageBytes)) {
    const limit = `the app's limit is ${limits.messageBytes} (limits.messageBytes)`;
    const advice = "publish less, for example an id to fetch the rest by";
    return refuse("message_too_large", `${name(source, "payload")} has ${length} bytes, ${limit}: ${advice}`);
  }
  return accept(bytes.subarray(span.start, span.end));
}

function name({ place }: EventSource, member: string): string {
  return `"${place}${member}"`;
}

function missing(source: EventSource, member: string, expected: string): Refusal {
  return refuse("missing_field", `${name(source, member)} is missing (${expected})${foundInstead(source.members)}`);
}

/** The names that are there, so that a misspelt one meets the eye. */
function foundInstead(members: Members): string {
  const names = Object.keys(members);
  if (names.length === 0) return ": the object is empty";
  const shown = names.slice(0, MAX_NAMES_SHOWN).map((each) => JSON.stringify(each.slice(0, MAX_NAME_SHOWN_LENGTH)));
  if (names.length > MAX_NAMES_SHOWN) shown.push("…");
  return `: found ${shown.join(", ")} instead`;
}
