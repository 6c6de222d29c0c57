/**
 * The envelope: what travels on the bus. A small binary header, then the payload bytes exactly as the publisher gave them.
 * Nobody on the way parses the payload again.
 *
 * ```
 * offset size
 *      0    1  version, 1
 *      1    1  flags: 1 = receipts are wanted, 2 = the payload is the text of a string, 4 = a user id follows the event (a reader
 *              ignores bits that it does not know)
 *      2    8  time, milliseconds since 1970, IEEE 754 double, big endian
 *     10    1  length of the message id in bytes
 *     11    1  length of the connection id to exclude in bytes, 0 = nobody
 *     12    2  length of the event name in bytes, big endian
 *     14    …  message id, connection id, event name (UTF-8); where flag 4 is set, two bytes with the length of a user id, big
 *              endian, and the user id (UTF-8); then the payload (JSON text, UTF-8) to the end
 * ```
 */

import { shortLived } from "./short-lived.ts";

const VERSION = 1;
const HEADER_BYTES = 14;
const WANTS_RECEIPT = 1;
const IS_DATA_TEXT = 2;
const HAS_USER = 4;

/** Longest message id, in bytes: one byte holds its length, and 128 is plenty for any idempotency key. */
export const MAX_MESSAGE_ID_BYTES = 128;

/** Longest connection id that can be excluded, in bytes. */
export const MAX_EXCLUDE_BYTES = 64;

// What the other fields leave of the scratch space, a user id of 384 bytes included.
const MAX_EVENT_BYTES = 930;
const MAX_USER_BYTES = 384;
const USER_LENGTH_BYTES = 2;

/** A published event on its way to its subscribers. */
export interface Envelope {
  /** Unique per publication and channel; the caller's idempotency id where it gave one. At most 128 bytes. */
  readonly id: string;
  /** When the publish was accepted, in milliseconds since 1970 of the accepting process's clock. */
  readonly timeMs: number;
  /** Connection that must not get it, or "" for none. At most 64 bytes. */
  readonly exclude: string;
  /** Name of the event. */
  readonly event: string;
  /** Present: whoever gets it is asked to say so. */
  readonly wantsReceipt?: true | undefined;
  /**
   * Present: a string was published whose content is JSON text, and the payload is that content. Who knows payloads as
   * strings gets the string, everybody else the value.
   */
  readonly isDataText?: true | undefined;
  /** The user who sent it, as its channel knows that user; absent where it is nobody in particular. 1 to 128 characters. */
  readonly userId?: string | undefined;
  /** JSON text in UTF-8, byte for byte as it was published. Valid only as long as the bytes it was decoded from. */
  readonly payload: Uint8Array;
}

const encoder = new TextEncoder();
// A byte order mark is a character of the text like any other here.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
// Header, id, exclude, event (at most 200 UTF-16 units = 600 bytes) and user id (128 units = 384 bytes) always fit.
const scratch = new Uint8Array(1536);
const scratchView = new DataView(scratch.buffer);

/** Encodes an envelope into one new array. Throws a RangeError when a field is longer than its bound: validate first. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const idBytes = encodeInto(envelope.id, HEADER_BYTES, MAX_MESSAGE_ID_BYTES);
  const excludeAt = HEADER_BYTES + idBytes;
  const excludeBytes = envelope.exclude === "" ? 0 : encodeInto(envelope.exclude, excludeAt, MAX_EXCLUDE_BYTES);
  const eventAt = excludeAt + excludeBytes;
  const eventBytes = encodeInto(envelope.event, eventAt, MAX_EVENT_BYTES);
  const payloadAt = encodeUser(envelope.userId, eventAt + eventBytes);
  scratch[0] = VERSION;
  scratch[1] = flagsOf(envelope);
  scratchView.setFloat64(2, envelope.timeMs);
  scratch[10] = idBytes;
  scratch[11] = excludeBytes;
  scratchView.setUint16(12, eventBytes);
  const bytes = shortLived(payloadAt + envelope.payload.length);
  bytes.set(scratch.subarray(0, payloadAt));
  bytes.set(envelope.payload, payloadAt);
  return bytes;
}

function flagsOf({ wantsReceipt, isDataText, userId }: Envelope): number {
  const receipt = wantsReceipt === true ? WANTS_RECEIPT : 0;
  const dataText = isDataText === true ? IS_DATA_TEXT : 0;
  return receipt | dataText | (userId === undefined ? 0 : HAS_USER);
}

/** Writes a user id, if there is one; returns where the payload begins. */
function encodeUser(userId: string | undefined, at: number): number {
  if (userId === undefined) return at;
  const from = at + USER_LENGTH_BYTES;
  const bytes = encodeInto(userId, from, MAX_USER_BYTES);
  scratchView.setUint16(at, bytes);
  return from + bytes;
}

function encodeInto(text: string, at: number, limitBytes: number): number {
  const { read, written } = encoder.encodeInto(text, scratch.subarray(at, at + limitBytes));
  if (read < text.length) throw new RangeError(`an envelope field is longer than ${limitBytes} bytes`);
  return written;
}

/**
 * Decodes an envelope; the payload is a view into `bytes`, not a copy. Returns null for bytes that are not an envelope of
 * version 1 (a foreign publisher on the subject, or a later version): the caller counts and drops those.
 */
export function decodeEnvelope(bytes: Uint8Array): Envelope | null {
  if (bytes.length < HEADER_BYTES || bytes[0] !== VERSION) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const excludeAt = HEADER_BYTES + view.getUint8(10);
  const eventAt = excludeAt + view.getUint8(11);
  const userAt = eventAt + view.getUint16(12);
  if (userAt > bytes.length) return null;
  const flags = view.getUint8(1);
  if (flags !== 0) return decodeFlagged({ bytes, view, excludeAt, eventAt, userAt }, flags);
  return {
    id: text(bytes, HEADER_BYTES, excludeAt),
    timeMs: view.getFloat64(2),
    exclude: text(bytes, excludeAt, eventAt),
    event: text(bytes, eventAt, userAt),
    payload: bytes.subarray(userAt),
  };
}

interface Layout {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly excludeAt: number;
  readonly eventAt: number;
  readonly userAt: number;
}

/** An envelope that is not of the plain kind, which is nearly every one. */
function decodeFlagged({ bytes, view, excludeAt, eventAt, userAt }: Layout, flags: number): Envelope | null {
  const hasUser = (flags & HAS_USER) !== 0;
  const userFrom = hasUser ? userAt + USER_LENGTH_BYTES : userAt;
  if (userFrom > bytes.length) return null;
  const payloadAt = hasUser ? userFrom + view.getUint16(userAt) : userFrom;
  if (payloadAt > bytes.length) return null;
  return {
    id: text(bytes, HEADER_BYTES, excludeAt),
    timeMs: view.getFloat64(2),
    exclude: text(bytes, excludeAt, eventAt),
    event: text(bytes, eventAt, userAt),
    ...((flags & WANTS_RECEIPT) === 0 ? {} : { wantsReceipt: true }),
    ...((flags & IS_DATA_TEXT) === 0 ? {} : { isDataText: true }),
    ...(hasUser ? { userId: text(bytes, userFrom, payloadAt) } : {}),
    payload: bytes.subarray(payloadAt),
  };
}

/** Who must not get an encoded envelope, without decoding the rest; "" for nobody, and for bytes that are no envelope. */
export function envelopeExclude(bytes: Uint8Array): string {
  const length = bytes[11];
  if (length === undefined || length === 0 || bytes[0] !== VERSION) return "";
  const start = HEADER_BYTES + (bytes[10] as number);
  return start + length > bytes.length ? "" : text(bytes, start, start + length);
}

const timeBytes = new Uint8Array(8);
const timeView = new DataView(timeBytes.buffer);

/** The time of an encoded envelope, in milliseconds since 1970, without decoding the rest; 0 for bytes that are none. */
export function envelopeTimeMs(bytes: Uint8Array): number {
  if (bytes.length < HEADER_BYTES || bytes[0] !== VERSION) return 0;
  // Asked of each envelope that arrives. A view over it would cost five times as much as these eight bytes do (measured).
  for (let at = 0; at < timeBytes.length; at++) timeBytes[at] = bytes[2 + at] as number;
  return timeView.getFloat64(0);
}

const RUN = 8;

// Ids and event names are nearly always short ASCII; building those by hand is several times faster than TextDecoder, which costs about a
// microsecond a call. Eight characters at a time, because each piece that is added is an object of its own for a moment.
function text(bytes: Uint8Array, from: number, to: number): string {
  for (let at = from; at < to; at++) {
    if ((bytes[at] as number) > 0x7f) return decoder.decode(bytes.subarray(from, to));
  }
  let result = "";
  let at = from;
  for (; at + RUN <= to; at += RUN) {
    const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [number, number, number, number];
    const [e, f, g, h] = [bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7]] as [
      number,
      number,
      number,
      number,
    ];
    result += String.fromCharCode(a, b, c, d, e, f, g, h);
  }
  for (; at < to; at++) result += String.fromCharCode(bytes[at] as number);
  return result;
}
