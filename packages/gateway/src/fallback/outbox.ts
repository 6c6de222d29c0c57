import type { OutFrame } from "./out-frame.ts";

/** A frame with its place in what a connection gets. */
export interface NumberedFrame {
  readonly number: number;
  readonly frame: OutFrame;
}

/**
 * The frames of one connection that its client has not acknowledged, numbered from 1. Those that were handed over may have
 * got lost on the way, so they are kept as long as there is room; those that were not are never given up.
 */
export class Outbox {
  readonly #limitBytes: number;
  readonly #frames: OutFrame[] = [];
  /** Number of the first frame in `#frames`. */
  #first = 1;
  /** Number of the last frame that was handed over. */
  #handed = 0;
  #bytes = 0;
  #handedBytes = 0;
  /** What was handed over at the last {@link forgetOld}. */
  #handedBefore = 0;

  /** `limitBytes`: how much may wait to be handed over. One frame may be longer. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Number of the newest frame; 0 before the first. */
  get last(): number {
    return this.#first + this.#frames.length - 1;
  }

  /** Bytes that wait to be handed over. */
  get waitingBytes(): number {
    return this.#bytes - this.#handedBytes;
  }

  /** Whether frames wait to be handed over. */
  get hasWaiting(): boolean {
    return this.#handed < this.last;
  }

  /** Adds a frame; false when there is no room for it. */
  push(frame: OutFrame): boolean {
    const { length } = frame.bytes;
    if (this.hasWaiting && this.waitingBytes + length > this.#limitBytes) return false;
    this.#frames.push(frame);
    this.#bytes += length;
    while (this.#bytes > this.#limitBytes && this.#first <= this.#handed) this.#drop(1);
    return true;
  }

  /** True when what came after `number` is all kept. */
  has(number: number): boolean {
    return number >= this.#first - 1 && number <= this.last;
  }

  /**
   * The client has everything up to `number`, and what came after that has to be handed over again. False when this can't be
   * done: some of it is kept no more, or it never was.
   */
  acknowledge(number: number): boolean {
    if (!this.has(number)) return false;
    this.#drop(number - this.#first + 1);
    this.#handed = number;
    this.#handedBytes = 0;
    return true;
  }

  /** Hands frames over, in their order: as many as fit into `maxBytes`, and at least one where there is one. */
  take(maxBytes: number): NumberedFrame[] {
    const taken: NumberedFrame[] = [];
    let bytes = 0;
    while (this.hasWaiting) {
      const frame = this.#frames[this.#handed + 1 - this.#first] as OutFrame;
      if (taken.length > 0 && bytes + frame.bytes.length > maxBytes) break;
      bytes += frame.bytes.length;
      this.#handed++;
      taken.push({ number: this.#handed, frame });
    }
    this.#handedBytes += bytes;
    return taken;
  }

  /** Gives up what was handed over before the call before this one: nobody asks for it any more. */
  forgetOld(): void {
    this.#drop(Math.min(this.#handedBefore, this.#handed) - this.#first + 1);
    this.#handedBefore = this.#handed;
  }

  #drop(count: number): void {
    if (count <= 0) return;
    const dropped = this.#frames.splice(0, count);
    for (const [index, { bytes }] of dropped.entries()) {
      this.#bytes -= bytes.length;
      if (this.#first + index <= this.#handed) this.#handedBytes -= bytes.length;
    }
    this.#first += count;
  }
}
