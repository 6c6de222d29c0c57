import type { BusReceiver, TraceContext } from "@carillon/core";
import type { Deliver } from "./interest.ts";
import type { Origin } from "./origin-reader.ts";
import { identityOf, MAX_SEEN_ENVELOPES, SeenEnvelopes } from "./seen-envelopes.ts";

/** Most envelopes that an overlap remembers, seen and held together. */
export const MAX_OVERLAP_ENVELOPES = MAX_SEEN_ENVELOPES;
/** Most bytes of envelopes that an overlap holds. */
export const MAX_OVERLAP_BYTES = 64 * 1024 * 1024;

interface Held {
  readonly receiver: BusReceiver;
  readonly envelope: Uint8Array;
  readonly origin: Origin | undefined;
  readonly trace: TraceContext | undefined;
}

/**
 * Two connections at once, for as long as it takes to move from one to the other without a loss. The old one delivers; what
 * the new one brings is held. When the old one ends, what it had not delivered comes out of the hold, in the order of the new
 * one: no envelope is lost, doubled, or overtaken by a later one of its publisher. The new one may have been behind, so what
 * the old one delivered is known for a while longer.
 */
export class Overlap {
  readonly #seen = new SeenEnvelopes();
  #held: Held[] = [];
  #envelopes = 0;
  #bytes = 0;

  /** True when no more fits: the move must end now. */
  get isFull(): boolean {
    return this.#envelopes >= MAX_OVERLAP_ENVELOPES || this.#bytes >= MAX_OVERLAP_BYTES;
  }

  /** The old connection delivered this. */
  see(receiver: BusReceiver, envelope: Uint8Array): void {
    this.#envelopes++;
    this.#seen.note(receiver, identityOf(envelope));
  }

  /** The new connection brought this. It is copied. */
  hold(...[receiver, envelope, origin, trace]: Parameters<Deliver>): void {
    this.#envelopes++;
    this.#bytes += envelope.length;
    // Not `slice`: what the client hands out is a Buffer, whose `slice` doesn't copy.
    this.#held.push({ receiver, envelope: new Uint8Array(envelope), origin, trace });
  }

  /** The old connection has ended. Calls `deliver` for what was held and not seen. */
  end(deliver: Deliver): void {
    for (const { receiver, envelope, origin, trace } of this.#held.splice(0)) {
      if (!this.wasSeen(receiver, envelope)) deliver(receiver, envelope, origin, trace);
    }
  }

  /** True when the old connection delivered this; asked once for each envelope of the new one. */
  wasSeen(receiver: BusReceiver, envelope: Uint8Array): boolean {
    return this.#seen.take(receiver, identityOf(envelope));
  }
}
