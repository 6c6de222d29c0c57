/** The native protocol as JSON text. */
import type { Envelope } from "../envelope.ts";
import { memberSpan } from "../json-span.ts";
import { receiptOf } from "../receipt.ts";
import { accept, refuse } from "../refusal.ts";
import { shortLived } from "../short-lived.ts";
import type { HistoryFrame, ServerFrame, SubscribedFrame, WelcomeFrame } from "./frames.ts";
import { type CommandResult, readCommand } from "./read-command.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const payloadDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const NULL_PAYLOAD = encoder.encode("null");
// Opening, a channel name of at most 200 bytes, an event name of at most 200 UTF-16 units (each at most 6 bytes as an
// escape) and the member names fit with room to spare.
const head = new Uint8Array(2048);

/** Decodes a text frame of a client. Never throws; the payload of a publish is a view into `data`. */
export function decodeJsonCommand(data: Uint8Array): CommandResult {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(data));
  } catch {
    // The parser's own message would quote the frame, which may hold a token.
    return refuse("invalid_json", "the frame is not JSON text in UTF-8");
  }
  return readCommand(value, () => {
    const span = memberSpan(data, "payload");
    return accept(span === null ? NULL_PAYLOAD : data.subarray(span.start, span.end));
  });
}

/** Encodes a reply or a push. */
export function encodeJsonFrame(frame: ServerFrame): string {
  // These two each client gets, and thousands may come back at once.
  if (frame.type === "welcome") return welcomeText(frame);
  if (frame.type === "subscribed" && frame.channel !== undefined && isPlain(frame)) return subscribedText(frame);
  return JSON.stringify(frame);
}

function welcomeText({ connectionId, version, idleTimeoutMs, maxFrameBytes, expiresAt }: WelcomeFrame): string {
  const expiry = expiresAt === undefined ? "" : `,"expiresAt":${expiresAt}`;
  // A connection id is made of digits and a dot.
  return `{"type":"welcome","connectionId":"${connectionId}","version":${version},"idleTimeoutMs":${idleTimeoutMs},"maxFrameBytes":${maxFrameBytes}${expiry}}`;
}

function subscribedText({ id, channel }: SubscribedFrame): string {
  const of = id === undefined ? "" : `"id":${JSON.stringify(id)},`;
  return `{"type":"subscribed",${of}"channel":"${channel}"}`;
}

/** True when the frame tells no more than which channel is subscribed to. */
function isPlain(frame: SubscribedFrame): boolean {
  for (const member in frame) {
    if (member !== "type" && member !== "id" && member !== "channel") return false;
  }
  return true;
}

/** Encodes the answer to a history command, with each payload byte for byte as it was published. */
export function encodeJsonHistory({ publications, ...frame }: HistoryFrame): string {
  const items = publications.map(({ publication: { event, payload, timeMs }, position }) => {
    const text = payloadDecoder.decode(payload);
    return `{"event":${JSON.stringify(event)},"payload":${text},"position":"${position}","time":${timeMs}}`;
  });
  const rest = JSON.stringify(frame);
  return `${rest.slice(0, -1)},"publications":[${items.join(",")}]}`;
}

/** Encodes a push that says that publications of a channel are lost. */
export function encodeJsonGap(channel: string, position?: string): Uint8Array {
  const standing = position === undefined ? "" : `,"position":"${position}"`;
  return encoder.encode(`{"type":"gap","channel":"${channel}"${standing}}`);
}

/**
 * Encodes a delivery: `{"channel":…,"event":…,"payload":…}`, the payload byte for byte as it was published; with a
 * `"position":…` behind it on channels with history. The frame is part of a larger piece of memory: copy what is kept for long.
 */
export function encodeJsonPublication(channel: string, publication: Envelope, position?: string): Uint8Array {
  // A channel name needs no escaping: its alphabet has no character that JSON would want escaped. Nor does a position.
  const opening = `{"channel":"${channel}","event":${eventJson(publication.event)},"payload":`;
  const { read, written } = encoder.encodeInto(opening, head);
  // Longer only when a publisher that is none of ours put an event name of any length on the bus.
  const bytes = read === opening.length ? head.subarray(0, written) : encoder.encode(opening);
  const { payload } = publication;
  const ending = endingOf(publication, position);
  const frame = shortLived(bytes.length + payload.length + ending.length);
  frame.set(bytes);
  frame.set(payload, bytes.length);
  if (ending.length === 1) frame[frame.length - 1] = 0x7d;
  else encoder.encodeInto(ending, frame.subarray(bytes.length + payload.length));
  return frame;
}

let lastEvent = "";
let lastEventJson = '""';

/** Remembers the last one: most events of a moment have the same name. */
function eventJson(event: string): string {
  if (event === lastEvent) return lastEventJson;
  lastEvent = event;
  lastEventJson = JSON.stringify(event);
  return lastEventJson;
}

/** What stands behind the payload; ASCII, so that its length is that of its bytes. */
function endingOf({ id, wantsReceipt }: Envelope, position: string | undefined): string {
  const at = position === undefined ? "" : `,"position":"${position}"`;
  return wantsReceipt === true ? `${at},"receipt":"${receiptOf(id)}"}` : `${at}}`;
}
