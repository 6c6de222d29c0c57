import type { StreamStamp } from "@carillon/core";
import type { Msg } from "nats";
import { KeyedPlace } from "./passed-on.ts";
import { firstValueIn, headerTextOf, numberAt } from "./raw-headers.ts";
import type { SubjectSpace } from "./subject.ts";

/** Hears of the stream and the offset of each stamp that was read. */
export type StampObserver = (stream: number, offset: number) => void;

/** Where a message stands in the stream that passed it on. */
export type Origin = StreamStamp | KeyedPlace;

const STREAM = "\r\nNats-Stream: ";
const SEQUENCE = "\r\nNats-Sequence: ";
const LAST_SEQUENCE = "\r\nNats-Last-Sequence: ";

/**
 * Reads what a stream of history, or the one of idempotency keys, wrote into the headers of a message that it passed on. Other
 * streams write such headers as well, so the name of the stream decides.
 *
 * Searches the raw bytes: 0.6 µs, where the client's own parsing of all headers takes about 4 (measured).
 */
export class OriginReader {
  readonly #history: string;
  readonly #keys: string;
  readonly #observe: StampObserver;

  constructor(space: SubjectSpace, observe: StampObserver = () => undefined) {
    this.#history = space.streamName("HIST_");
    this.#keys = `${space.streamName("ONCE")}\r`;
    this.#observe = observe;
  }

  /** Undefined for a message that neither passed on. Costs next to nothing for one without headers. */
  readonly read = (msg: Msg): Origin | undefined => {
    const text = headerTextOf(msg);
    if (text === null) return undefined;
    // What JetStream adds stands behind what the publisher had set.
    const at = text.lastIndexOf(STREAM);
    if (at < 0) return undefined;
    const name = at + STREAM.length;
    const sequence = text.indexOf(SEQUENCE, name);
    if (sequence < 0) return undefined;
    const offset = numberAt(text, sequence + SEQUENCE.length);
    if (text.startsWith(this.#keys, name)) return new KeyedPlace(offset, firstValueIn(text, "Nats-Msg-Id"));
    const last = text.indexOf(LAST_SEQUENCE, name);
    if (last < 0 || !text.startsWith(this.#history, name)) return undefined;
    this.#observe(numberAt(text, name + this.#history.length), offset);
    return { offset, previousOffset: numberAt(text, last + LAST_SEQUENCE.length) };
  };
}
