import type { BodyResult } from "./http-types.ts";

/** Collects one request body up to a bound. What comes after the bound is dropped as it arrives. */
export class BodyReader {
  readonly result: Promise<BodyResult>;
  readonly #limitBytes: number;
  #settle: ((result: BodyResult) => void) | null = null;
  #chunks: Buffer[] | null = null;
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
    this.#receivedBytes += chunk.byteLength;
    if (this.#receivedBytes > this.#limitBytes) {
      this.refuse();
      return;
    }
    const bytes = Buffer.from(new Uint8Array(chunk));
    if (!isLast) {
      this.#chunks ??= [];
      this.#chunks.push(bytes);
      return;
    }
    this.#end({
      kind: "complete",
      bytes: this.#chunks === null ? bytes : Buffer.concat([...this.#chunks, bytes], this.#receivedBytes),
    });
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

  #end(result: BodyResult): void {
    const settle = this.#settle;
    this.#settle = null;
    this.#chunks = null;
    settle?.(result);
  }
}
