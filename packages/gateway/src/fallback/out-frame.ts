const PREFIX = Buffer.from("data: ");
const END = Buffer.from("\n\n");
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Where a delivery on a channel with history stands. */
export interface DeliveredAt {
  readonly channel: string;
  readonly position: string;
}

/** A delivery begins so, and on a channel with history ends so: no payload can look like that, since it stands inside. */
const BEGINNING = /^\{"channel":"([^"]+)","event":/;
const ENDING = /"position":"([\w:-]+)"(?:,"receipt":"[^"\\]*")?\}$/;
const BEGINNING_BYTES = 256;
const ENDING_BYTES = 512;

/**
 * One frame that connections over HTTP get: kept once, however many of them do. Its form in an event stream is made when the
 * first one asks for it.
 */
export class OutFrame {
  /** The frame itself, JSON text in UTF-8. */
  readonly bytes: Uint8Array;
  #eventData: Uint8Array | null = null;
  #deliveredAt: DeliveredAt | null | undefined;

  /** `bytes` must stay as they are for good. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The frame as the data of an event, up to and with the blank line behind it. What stands before that is each connection's own. */
  get eventData(): Uint8Array {
    this.#eventData ??= toEventData(this.bytes);
    return this.#eventData;
  }

  /** Where it stands, when it is a delivery on a channel with history; else null. */
  get deliveredAt(): DeliveredAt | null {
    if (this.#deliveredAt === undefined) this.#deliveredAt = readDeliveredAt(this.bytes);
    return this.#deliveredAt;
  }
}

const lasting = new WeakMap<Uint8Array, OutFrame>();

/**
 * The one frame for bytes that stay as they are for good: a channel's past, which any number of clients may ask for at once and
 * not fetch, takes the memory of one of them.
 */
export function lastingFrame(bytes: Uint8Array): OutFrame {
  let frame = lasting.get(bytes);
  if (frame === undefined) {
    frame = new OutFrame(bytes);
    lasting.set(bytes, frame);
  }
  return frame;
}

/** Each line break begins another line of data; readers put LF in its place, which in JSON text is but white space. */
function toEventData(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [PREFIX];
  let from = 0;
  for (let at = nextBreak(bytes, 0); at !== -1; at = nextBreak(bytes, from)) {
    parts.push(bytes.subarray(from, at), END.subarray(1), PREFIX);
    from = bytes[at] === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED ? at + 2 : at + 1;
  }
  parts.push(bytes.subarray(from), END);
  return Buffer.concat(parts);
}

function nextBreak(bytes: Uint8Array, from: number): number {
  const feed = bytes.indexOf(LINE_FEED, from);
  const carriage = bytes.indexOf(CARRIAGE_RETURN, from);
  if (feed === -1 || carriage === -1) return Math.max(feed, carriage);
  return Math.min(feed, carriage);
}

function readDeliveredAt(bytes: Uint8Array): DeliveredAt | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [, channel] = BEGINNING.exec(text.toString("latin1", 0, BEGINNING_BYTES)) ?? [];
  if (channel === undefined) return null;
  const [, position] = ENDING.exec(text.toString("latin1", Math.max(text.length - ENDING_BYTES, 0))) ?? [];
  return position === undefined ? null : { channel, position };
}
