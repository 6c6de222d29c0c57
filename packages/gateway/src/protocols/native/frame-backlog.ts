const MAX_FRAMES = 1000;

/** Frames of a client that wait for its token to be checked, so that they are handled in order and with what it grants. */
export class FrameBacklog {
  readonly #frames: Uint8Array[] = [];
  #bytes = 0;
  readonly #limitBytes: number;

  /** `limitBytes`: how much may wait, all frames together. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Keeps a copy of a frame; false when there is no room for it. */
  push(frame: Uint8Array): boolean {
    if (this.#frames.length >= MAX_FRAMES || this.#bytes + frame.length > this.#limitBytes) return false;
    this.#frames.push(frame.slice());
    this.#bytes += frame.length;
    return true;
  }

  /** Takes the oldest frame out; undefined when there is none. */
  shift(): Uint8Array | undefined {
    const frame = this.#frames.shift();
    if (frame !== undefined) this.#bytes -= frame.length;
    return frame;
  }
}
