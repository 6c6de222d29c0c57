/** Takes what {@link FrameSplitter} finds. */
interface FrameReceiver {
  /** One whole frame; its payload is `bytes[start..end)`, valid during the call only. */
  frame(opcode: number, bytes: Buffer, start: number, end: number): void;
}

/**
 * Finds the frames in a stream of bytes from a WebSocket server (RFC 6455; servers don't mask). It looks at lengths only, so
 * counting a frame costs some nanoseconds. The rest of a read that ends inside a frame is kept for the next one.
 */
export class FrameSplitter {
  #rest: Buffer | null = null;

  /** Splits the first `length` bytes of `chunk`; the chunk may be reused afterwards. */
  split(chunk: Buffer, length: number, receiver: FrameReceiver): void {
    let bytes = chunk;
    let end = length;
    if (this.#rest !== null) {
      bytes = Buffer.concat([this.#rest, chunk.subarray(0, length)]);
      end = bytes.length;
      this.#rest = null;
    }
    let at = 0;
    while (at < end) {
      const next = deliverFrame(bytes, at, end, receiver);
      if (next === -1) break;
      at = next;
    }
    if (at < end) this.#rest = Buffer.from(bytes.subarray(at, end));
  }
}

/** Hands the frame that begins at `at` to `receiver`. Returns where the next one begins, or -1 when this one isn't whole. */
function deliverFrame(bytes: Buffer, at: number, end: number, receiver: FrameReceiver): number {
  if (end - at < 2) return -1;
  const short = (bytes[at + 1] as number) & 0x7f;
  let start = at + 2;
  let payloadBytes = short;
  if (short === 126) {
    if (end - at < 4) return -1;
    payloadBytes = bytes.readUInt16BE(at + 2);
    start = at + 4;
  } else if (short === 127) {
    if (end - at < 10) return -1;
    payloadBytes = Number(bytes.readBigUInt64BE(at + 2));
    start = at + 10;
  }
  const next = start + payloadBytes;
  if (next > end) return -1;
  receiver.frame((bytes[at] as number) & 0x0f, bytes, start, next);
  return next;
}
