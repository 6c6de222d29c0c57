import type { StreamStamp } from "@carillon/core";
import type { Msg } from "nats";
import { headerTextOf, numberAt } from "./raw-headers.ts";
import type { SubjectSpace } from "./subject.ts";

/** Hears of the stream and the offset of each stamp that was read. */
export type StampObserver = (stream: number, offset: number) => void;

const SEQUENCE = "\r\nNats-Sequence: ";
const LAST_SEQUENCE = "\r\nNats-Last-Sequence: ";

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
