import { isUtf8 } from "node:buffer";
import type { AppLimits } from "@carillon/core";
import { isEventName, isPublishableChannel, JsonScan, type JsonSpan, jsonBytes, NO_VALUE } from "@carillon/protocol";
import type { PublishRequest } from "./publish-request.ts";
import { isOver } from "./request-value.ts";

const { BACKSLASH, CLOSE_BRACE, COLON, COMMA, OPEN_BRACE, skipBlanks } = jsonBytes;

/** The members that a plain body has, as they stand there. By number: names that are computed cost V8 more than all else here. */
const KEYS = ["channel", "event", "payload"].map((name) => Buffer.from(`"${name}"`));
const PAYLOAD = 2;

/** Where members stand, by their numbers. */
type Spans = (JsonSpan | undefined)[];

/**
 * Reads what nearly every body of `POST /publish` is, `{"channel":…,"event":…,"payload":…}` and nothing else, in one pass over its
 * bytes: nothing is made of a payload that nobody looks at. Null for all others, wrong ones among them: those are read anew, and
 * whoever sent them is told what is wrong.
 */
export function readPlainPublish(bytes: Uint8Array, limits: AppLimits): readonly PublishRequest[] | null {
  const scan = new JsonScan(bytes);
  const [channel, event, payload] = spansOf(scan, bytes);
  if (channel === undefined || event === undefined || payload === undefined) return null;
  if (isOver(payload.end - payload.start, limits.messageBytes)) return null;
  if (!scan.isAscii && !isUtf8(bytes)) return null;
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [channelName, eventName] = [textOf(buffer, channel), textOf(buffer, event)];
  if (!isPublishableChannel(channelName) || !isEventName(eventName)) return null;
  const newEvent = {
    event: eventName,
    payload: bytes.subarray(payload.start, payload.end),
    exclude: "",
    id: undefined,
    isIdempotent: false,
  };
  return [{ channels: [channelName], event: newEvent, receiptsMs: 0 }];
}

const NONE: Spans = [];

/** Where the three members stand; none when there is a fourth, or one is there twice, or the whole is not JSON. */
function spansOf(scan: JsonScan, bytes: Uint8Array): Spans {
  let at = skipBlanks(bytes, 0);
  if (bytes[at] !== OPEN_BRACE) return NONE;
  const spans: Spans = [undefined, undefined, undefined];
  do {
    at = skipBlanks(bytes, at + 1);
    const member = memberAt(bytes, at);
    const key = KEYS[member];
    if (key === undefined || spans[member] !== undefined) return NONE;
    at = skipBlanks(bytes, at + key.length);
    if (bytes[at] !== COLON) return NONE;
    const start = skipBlanks(bytes, at + 1);
    const end = member === PAYLOAD ? scan.value(start) : scan.string(start);
    if (end === NO_VALUE) return NONE;
    spans[member] = { start, end };
    at = skipBlanks(bytes, end);
  } while (bytes[at] === COMMA);
  if (bytes[at] !== CLOSE_BRACE || skipBlanks(bytes, at + 1) !== bytes.length) return NONE;
  return spans;
}

/** The number of the member whose name stands at `at`; -1 for none of them. */
function memberAt(bytes: Uint8Array, at: number): number {
  return KEYS.findIndex((key) => startsWith(bytes, at, key));
}

function startsWith(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let index = 0; index < text.length; index++) if (bytes[at + index] !== text[index]) return false;
  return true;
}

/** Of a string's place; null when it has escapes. */
function textOf(buffer: Buffer, { start, end }: JsonSpan): string | null {
  for (let at = start; at < end; at++) if (buffer[at] === BACKSLASH) return null;
  return buffer.toString("utf8", start + 1, end - 1);
}
