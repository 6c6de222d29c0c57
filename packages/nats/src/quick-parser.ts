import type { NatsConnection } from "nats";
// The client has no way to bring a parser of one's own; its version is pinned exactly.
import type { MsgArg } from "nats/lib/nats-base-client/parser.js";
import { Kind, NatsConnectionImpl, Parser, State } from "nats/lib/src/nats-base-client.js";

const M = 0x4d;
const S = 0x53;
const G = 0x47;
const BLANK = 0x20;
const CR = 0x0d;
const LF = 0x0a;
const ZERO = 0x30;
const VERB_BYTES = 4;
const LINE_END_BYTES = 2;

/** What stands in the line before a message's content. Its subject is taken out of the line only when somebody asks. */
class MessageLine implements MsgArg {
  readonly sid: number;
  readonly size: number;
  readonly hdr = -1;
  readonly #bytes: Uint8Array;
  readonly #subjectAt: number;
  readonly #subjectEnd: number;

  constructor(bytes: Uint8Array, place: { subjectAt: number; subjectEnd: number; sid: number; size: number }) {
    this.#bytes = bytes;
    this.#subjectAt = place.subjectAt;
    this.#subjectEnd = place.subjectEnd;
    this.sid = place.sid;
    this.size = place.size;
  }

  get subject(): Uint8Array {
    return this.#bytes.subarray(this.#subjectAt, this.#subjectEnd);
  }
}

/**
 * Reads what nearly everything is that a gateway gets: messages that stand whole in what was read, without headers and without a subject
 * for answers. It looks at each byte of their lines once; the client's own parser, to which all else is left, takes five times as long
 * for them (measured: 2.2 µs a message).
 */
export class QuickParser extends Parser {
  override parse(bytes: Uint8Array): void {
    const taken = this.state === State.OP_START ? this.#takeMessages(bytes) : 0;
    if (taken < bytes.length) super.parse(taken === 0 ? bytes : bytes.subarray(taken));
  }

  /** Answers behind which byte the first one begins that it leaves. */
  #takeMessages(bytes: Uint8Array): number {
    let at = 0;
    for (let next = this.#takeMessage(bytes, 0); next > at; next = this.#takeMessage(bytes, at)) at = next;
    return at;
  }

  /** Answers behind which byte the message ends that begins at `from`; `from` when it was not taken. */
  #takeMessage(bytes: Uint8Array, from: number): number {
    const { length } = bytes;
    if (from + VERB_BYTES > length) return from;
    if (bytes[from] !== M || bytes[from + 1] !== S || bytes[from + 2] !== G || bytes[from + 3] !== BLANK) return from;
    const subjectAt = from + VERB_BYTES;
    let at = subjectAt;
    while (at < length && (bytes[at] as number) > BLANK) at++;
    const subjectEnd = at;
    if (bytes[at] !== BLANK || subjectEnd === subjectAt) return from;
    let sid = 0;
    for (at++; isDigit(bytes[at]); at++) sid = sid * 10 + (bytes[at] as number) - ZERO;
    if (bytes[at] !== BLANK || at === subjectEnd + 1) return from;
    const sizeAt = at + 1;
    let size = 0;
    for (at++; isDigit(bytes[at]); at++) size = size * 10 + (bytes[at] as number) - ZERO;
    if (bytes[at] !== CR || bytes[at + 1] !== LF || at === sizeAt) return from;
    const dataAt = at + LINE_END_BYTES;
    const end = dataAt + size;
    if (end + LINE_END_BYTES > length || bytes[end] !== CR || bytes[end + 1] !== LF) return from;
    const msg = new MessageLine(bytes, { subjectAt, subjectEnd, sid, size });
    this.dispatcher.push({ kind: Kind.MSG, msg, data: bytes.subarray(dataAt, end) });
    return end + LINE_END_BYTES;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= ZERO + 9;
}

/** Has a connection read by a {@link QuickParser} from now on, also after it has connected anew. */
export function parseQuickly(connection: NatsConnection): void {
  if (!(connection instanceof NatsConnectionImpl)) return;
  const { protocol } = connection;
  const { parser } = protocol;
  // What it has begun to read is read on.
  let quick: QuickParser = Object.assign(new QuickParser(protocol), parser);
  // The client makes a new one for each connect.
  Object.defineProperty(protocol, "parser", {
    get: () => quick,
    set: () => {
      quick = new QuickParser(protocol);
    },
  });
}
