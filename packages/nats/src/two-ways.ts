import type { BusReceiver } from "@carillon/core";
import { identityOf, SeenEnvelopes } from "./seen-envelopes.ts";

/** How a receiver's envelopes come: by a subscription of its channel's own, or by the wildcard of the partition. */
export type Way = "exact" | "wildcard";

/**
 * Tells repeats while envelopes come on two ways. Of each envelope the first copy is taken and the second one is not, whichever way it
 * comes on, and whether or not there is a second.
 */
export class TwoWays {
  readonly #seen = { exact: new SeenEnvelopes(), wildcard: new SeenEnvelopes() };
  #isEnded = false;

  /** True for the second copy of an envelope. Asked once for each copy. */
  isRepeat(way: Way, receiver: BusReceiver, envelope: Uint8Array): boolean {
    const id = identityOf(envelope);
    if (this.#seen[way === "exact" ? "wildcard" : "exact"].take(receiver, id)) return true;
    if (!this.#isEnded) this.#seen[way].note(receiver, id);
    return false;
  }

  /** One way brings nothing any more: what comes on the other from now on will have no second copy. */
  end(): void {
    this.#isEnded = true;
  }
}
