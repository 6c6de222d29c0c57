import type { BodyResult } from "./http-types.ts";

const NOTHING = Buffer.alloc(0);

/** Collects one request body up to a bound. What comes after the bound is dropped as it arrives. */
export class BodyReader {
  readonly result: Promise<BodyResult>;
  readonly #limitBytes: number;
  #settle: ((result: BodyResult) => void) | null = null;
  // What has come stands in one piece, with room for more: kept apart, small chunks take a hundred times their bytes.
  #bytes: Buffer = NOTHING;
  #receivedBytes = 0;
  #isTooLarge = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.result = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** True when the body passed the bound, or said that it would. */
  get isTooLarge(): boolean {
    return this.#isTooLarge;
  }

  /** True while more is to come. */
  get isReading(): boolean {
    return this.#settle !== null;
  }

  /** Takes what arrived. `chunk` is copied: uWebSockets.js empties it once the call returned. */
  take(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#settle === null) return;
    const start = this.#receivedBytes;
    this.#receivedBytes += chunk.byteLength;
    if (this.#receivedBytes > this.#limitBytes) {
      this.refuse();
      return;
    }
    if (this.#receivedBytes > this.#bytes.length) this.#grow(isLast);
    this.#bytes.set(new Uint8Array(chunk), start);
    if (isLast) this.#end({ kind: "complete", bytes: this.#bytes.subarray(0, this.#receivedBytes) });
  }

  /** Ends it as too large. */
  refuse(): void {
    this.#isTooLarge = true;
    this.#end({ kind: "too_large", limitBytes: this.#limitBytes });
  }

  /** Ends it because nobody is there to answer any more. No effect on a body that is complete. */
  abort(): void {
    this.#end({ kind: "aborted" });
  }

  #grow(isLast: boolean): void {
    const lengthBytes = isLast ? this.#receivedBytes : Math.max(this.#receivedBytes, 2 * this.#bytes.length);
    const grown = Buffer.allocUnsafe(lengthBytes);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  #end(result: BodyResult): void {
    const settle = this.#settle;
    this.#settle = null;
    this.#bytes = NOTHING;
    settle?.(result);
  }
}
