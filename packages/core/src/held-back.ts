import type { StoredPublication, StreamStamp } from "./ports/history-store.ts";

/** Most publications, and bytes of them, that are held back while a gap is being filled. */
const MAX_HELD = 1000;
const MAX_HELD_BYTES = 1_048_576;

/** A publication that came too early. */
export interface HeldPublication extends StoredPublication {
  readonly previousOffset: number;
}

/** What came before its turn, in the order of offsets, each once; bounded. */
export class HeldBack {
  #held: HeldPublication[] = [];
  #bytes = 0;
  #hasOverflowed = false;

  /** The oldest; undefined when nothing is held back. */
  get first(): HeldPublication | undefined {
    return this.#held[0];
  }

  /** Offset of the newest; 0 when there is none. */
  get newest(): number {
    return this.#held.at(-1)?.offset ?? 0;
  }

  /** True when something is held back, or was left out because too much was. */
  get isInUse(): boolean {
    return this.#held.length > 0 || this.#hasOverflowed;
  }

  /** Keeps a copy. */
  add(envelope: Uint8Array, { offset, previousOffset }: StreamStamp): void {
    const at = this.#held.findLastIndex((each) => each.offset <= offset) + 1;
    if (this.#held[at - 1]?.offset === offset) return;
    this.#held.splice(at, 0, { offset, previousOffset, envelope: envelope.slice() });
    this.#bytes += envelope.length;
    while (this.#held.length > MAX_HELD || this.#bytes > MAX_HELD_BYTES) {
      // The newest: what is nearest to the gap is what fits on it.
      this.#bytes -= this.#held.pop()?.envelope.length ?? 0;
      this.#hasOverflowed = true;
    }
  }

  /** Takes the oldest out. */
  shift(): HeldPublication | undefined {
    const first = this.#held.shift();
    this.#bytes -= first?.envelope.length ?? 0;
    return first;
  }

  /** Forgets everything up to an offset. */
  dropUpTo(offset: number): void {
    while (this.#held[0] !== undefined && this.#held[0].offset <= offset) this.shift();
  }

  /** Forgets that something was left out: the store is about to be asked for it. */
  clearOverflow(): void {
    this.#hasOverflowed = false;
  }
}
