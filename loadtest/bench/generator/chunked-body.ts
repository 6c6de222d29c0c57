/** Takes a piece of a body; valid during the call only. */
type TakePiece = (bytes: Buffer, start: number, end: number) => void;

const LINE_END = 0x0a;

/** Reads the chunks of an HTTP body (RFC 9112, section 7.1) that never ends. */
export class ChunkedBody {
  readonly #take: TakePiece;
  /** Bytes of this chunk that are still to come; its line end comes on top. */
  #left = 0;
  #sizeLine = "";

  constructor(take: TakePiece) {
    this.#take = take;
  }

  /** Reads `bytes[start..end)`. */
  push(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#left > 0) {
        const until = Math.min(at + this.#left, end);
        this.#take(bytes, at, until);
        this.#left -= until - at;
        at = until;
        continue;
      }
      const lineEnd = bytes.indexOf(LINE_END, at);
      if (lineEnd === -1 || lineEnd >= end) {
        this.#sizeLine += bytes.toString("latin1", at, end);
        return;
      }
      // Behind a chunk stands an empty line, which says nothing.
      this.#left = Number.parseInt(this.#sizeLine + bytes.toString("latin1", at, lineEnd), 16) || 0;
      this.#sizeLine = "";
      at = lineEnd + 1;
    }
  }
}
