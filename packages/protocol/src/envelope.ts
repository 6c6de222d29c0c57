/**
 * The envelope: what travels on the bus. A small binary header, then the payload bytes exactly as the publisher gave them.
 * Nobody on the way parses the payload again.
 *
 * ```
 * offset size
 *      0    1  version, 1
 *      1    1  flags: 1 = receipts are wanted (a reader ignores bits that it does not know)
 *      2    8  time, milliseconds since 1970, IEEE 754 double, big endian
 *     10    1  length of the message id in bytes
 *     11    1  length of the connection id to exclude in bytes, 0 = nobody
 *     12    2  length of the event name in bytes, big endian
 *     14    …  message id, connection id, event name (UTF-8), payload (JSON text, UTF-8) to the end
 * ```
 */

const VERSION = 1;
const HEADER_BYTES = 14;
const WANTS_RECEIPT = 1;

/** Longest message id, in bytes: one byte holds its length, and 128 is plenty for any idempotency key. */
export const MAX_MESSAGE_ID_BYTES = 128;

/** Longest connection id that can be excluded, in bytes. */
export const MAX_EXCLUDE_BYTES = 64;

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
  readonly wantsReceipt?: true;
  /** JSON text in UTF-8, byte for byte as it was published. Valid only as long as the bytes it was decoded from. */
  readonly payload: Uint8Array;
}

const encoder = new TextEncoder();
// A byte order mark is a character of the text like any other here.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
// Header, id, exclude and event (at most 200 UTF-16 units = 600 bytes) always fit.
const scratch = new Uint8Array(1024);
const scratchView = new DataView(scratch.buffer);

// Envelopes are short and short-lived, and an array of its own costs ten times as much as a part of a larger one (measured:
// 0.65 µs a publish).
const SLAB_BYTES = 65_536;
const LARGEST_IN_SLAB_BYTES = 4096;
let slab = new Uint8Array(SLAB_BYTES);
let slabUsed = 0;

function allocate(bytes: number): Uint8Array {
  if (bytes > LARGEST_IN_SLAB_BYTES) return new Uint8Array(bytes);
  if (slabUsed + bytes > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  const part = slab.subarray(slabUsed, slabUsed + bytes);
  slabUsed += bytes;
  return part;
}

/** Encodes an envelope into one new array. Throws a RangeError when a field is longer than its bound: validate first. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const idBytes = encodeInto(envelope.id, HEADER_BYTES, MAX_MESSAGE_ID_BYTES);
  const excludeAt = HEADER_BYTES + idBytes;
  const excludeBytes = envelope.exclude === "" ? 0 : encodeInto(envelope.exclude, excludeAt, MAX_EXCLUDE_BYTES);
  const eventAt = excludeAt + excludeBytes;
  const eventBytes = encodeInto(envelope.event, eventAt, scratch.length - eventAt);
  const payloadAt = eventAt + eventBytes;
  scratch[0] = VERSION;
  scratch[1] = envelope.wantsReceipt === true ? WANTS_RECEIPT : 0;
  scratchView.setFloat64(2, envelope.timeMs);
  scratch[10] = idBytes;
  scratch[11] = excludeBytes;
  scratchView.setUint16(12, eventBytes);
  const bytes = allocate(payloadAt + envelope.payload.length);
  bytes.set(scratch.subarray(0, payloadAt));
  bytes.set(envelope.payload, payloadAt);
  return bytes;
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
  const payloadAt = eventAt + view.getUint16(12);
  if (payloadAt > bytes.length) return null;
  const envelope = {
    id: text(bytes, HEADER_BYTES, excludeAt),
    timeMs: view.getFloat64(2),
    exclude: text(bytes, excludeAt, eventAt),
    event: text(bytes, eventAt, payloadAt),
    payload: bytes.subarray(payloadAt),
  };
  return (view.getUint8(1) & WANTS_RECEIPT) === 0 ? envelope : { ...envelope, wantsReceipt: true };
}

/** Who must not get an encoded envelope, without decoding the rest; "" for nobody, and for bytes that are no envelope. */
export function envelopeExclude(bytes: Uint8Array): string {
  const length = bytes[11];
  if (length === undefined || length === 0 || bytes[0] !== VERSION) return "";
  const start = HEADER_BYTES + (bytes[10] as number);
  return start + length > bytes.length ? "" : text(bytes, start, start + length);
}

/** The time of an encoded envelope, in milliseconds since 1970, without decoding the rest; 0 for bytes that are none. */
export function envelopeTimeMs(bytes: Uint8Array): number {
  if (bytes.length < HEADER_BYTES || bytes[0] !== VERSION) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat64(2);
}

// Ids and event names are nearly always short ASCII; building those by hand is several times faster than TextDecoder,
// which costs about a microsecond a call.
function text(bytes: Uint8Array, from: number, to: number): string {
  if (from === to) return "";
  let result = "";
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    if (byte > 0x7f) return decoder.decode(bytes.subarray(from, to));
    result += String.fromCharCode(byte);
  }
  return result;
}
