/** The native protocol as msgpack: the same maps as the JSON form, in binary frames. */

import { Packr } from "msgpackr";
import type { Envelope } from "../envelope.ts";
import { receiptOf } from "../receipt.ts";
import { accept, type Result, refuse } from "../refusal.ts";
import type { HistoryFrame, ServerFrame } from "./frames.ts";
import { findMsgpackFlaw, MAX_MSGPACK_DEPTH, type MsgpackFlaw } from "./plain-msgpack.ts";
import { type CommandResult, readCommand } from "./read-command.ts";

// Plain msgpack that every library reads: no records (a msgpackr extension), maps as objects. Some libraries write small
// integers with 64 bits: those are numbers all the same ("auto", which the library's types don't list). A member "toJSON" of
// a payload is data, never a method.
const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: "auto" as string as "number",
  useToJSON: false,
});
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NULL_PAYLOAD = encoder.encode("null");

// As an escape, \\udXXX. A pair has twice that, any other escape is matched by its first two characters.
const HALF_PAIR_LENGTH = 6;

const FLAW_MESSAGES: Readonly<Record<MsgpackFlaw, string>> = {
  malformed: "the frame is not one msgpack map",
  invalid_utf8: "a string of the frame is not UTF-8",
  extension: "the frame holds a msgpack extension type: use plain msgpack only",
  key: "a key of a map in the frame is not a string, or is __proto__",
  depth: `the frame is nested deeper than ${MAX_MSGPACK_DEPTH} levels`,
};

/** Decodes a binary frame of a client. Never throws. The payload of a publish becomes JSON text. */
export function decodeMsgpackCommand(data: Uint8Array): CommandResult {
  const flaw = findMsgpackFlaw(data);
  if (flaw !== null) return refuse(flaw === "invalid_utf8" ? flaw : "invalid_frame", FLAW_MESSAGES[flaw]);
  let value: unknown;
  try {
    value = packr.unpack(data);
  } catch {
    // msgpackr's own messages speak of buffer positions; this one says what is expected.
    return refuse("invalid_frame", "the frame is not one msgpack map");
  }
  return readCommand(value, (frame) => payloadAsJson(frame["payload"]));
}

/** Encodes a reply or a push. */
export function encodeMsgpackFrame(frame: ServerFrame): Uint8Array {
  return Uint8Array.prototype.slice.call(packr.pack(frame));
}

/** Encodes the answer to a history command. A payload that msgpack can't carry makes it throw. */
export function encodeMsgpackHistory({ publications, ...frame }: HistoryFrame): Uint8Array {
  const items = publications.map(({ publication, position }) => ({
    event: publication.event,
    payload: payloadOf(publication),
    position,
    time: publication.timeMs,
  }));
  return Uint8Array.prototype.slice.call(packr.pack({ ...frame, publications: items }));
}

/** Encodes a push that says that publications of a channel are lost. */
export function encodeMsgpackGap(channel: string, position?: string): Uint8Array {
  return encodeMsgpackFrame({ type: "gap", channel, ...(position === undefined ? {} : { position }) });
}

/**
 * Encodes a delivery, with a `position` on channels with history; the JSON payload is turned into msgpack once, for all
 * clients of a node.
 */
export function encodeMsgpackPublication(channel: string, publication: Envelope, position?: string): Uint8Array {
  const delivery = {
    channel,
    event: publication.event,
    payload: payloadOf(publication),
    ...(position === undefined ? {} : { position }),
    ...(publication.wantsReceipt === true ? { receipt: receiptOf(publication.id) } : {}),
  };
  return Uint8Array.prototype.slice.call(packr.pack(delivery));
}

function payloadOf(publication: Envelope): unknown {
  return JSON.parse(withWholeCharacters(decoder.decode(publication.payload)));
}

/** JSON text whose escapes of half a surrogate pair are U+FFFD: msgpack texts are UTF-8, which can't say those. */
function withWholeCharacters(json: string): string {
  if (!/\\u[dD][89a-fA-F]/.test(json)) return json;
  const escapes = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u[dD][89a-fA-F]..|.)/g;
  return json.replace(escapes, (found) => (found.length === HALF_PAIR_LENGTH ? "\\ufffd" : found));
}

class NotJsonError extends Error {}

/**
 * A payload lives on the bus as JSON text, because most of its readers want that. What JSON can't say is refused rather
 * than bent: binary, dates, big integers, NaN, undefined and extension types.
 */
function payloadAsJson(payload: unknown): Result<Uint8Array> {
  if (payload === undefined) return accept(NULL_PAYLOAD);
  try {
    return accept(encoder.encode(JSON.stringify(payload, refuseOther)));
  } catch {
    // Either NotJsonError or JSON.stringify's own refusal (depth): both mean the same to the client.
    return refuse(
      "invalid_field",
      `"payload" holds something that JSON can't (binary, a date, a big integer, NaN or an extension type): send text, such as base64`,
    );
  }
}

function refuseOther(this: unknown, key: string, value: unknown): unknown {
  // A toJSON (of Date, or of an object a client made) has already run here; look at what stood there before it.
  const original = (this as Record<string, unknown>)[key];
  if (!isJsonValue(original)) throw new NotJsonError();
  return value;
}

function isJsonValue(value: unknown): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "object": {
      if (value === null || Array.isArray(value)) return true;
      const prototype = Object.getPrototypeOf(value);
      return prototype === Object.prototype || prototype === null;
    }
    default:
      return false;
  }
}
