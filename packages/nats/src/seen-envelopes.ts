import type { BusReceiver } from "@carillon/core";
import { decodeEnvelope } from "@carillon/protocol";

/** Most envelopes that are remembered. */
export const MAX_SEEN_ENVELOPES = 200_000;

/** Envelopes that came on one of two ways, until they come on the other one as well. */
export class SeenEnvelopes {
  readonly #ids = new Map<BusReceiver, Set<string>>();
  #count = 0;

  /** Remembers one. When there are too many, the receiver's oldest is forgotten. */
  note(receiver: BusReceiver, id: string): void {
    const ids = this.#ids.get(receiver) ?? new Set<string>();
    this.#count -= ids.size;
    if (this.#count + ids.size >= MAX_SEEN_ENVELOPES) deleteFirst(ids);
    ids.add(id);
    this.#count += ids.size;
    this.#ids.set(receiver, ids);
  }

  /** True when it was remembered; it isn't any more. */
  take(receiver: BusReceiver, id: string): boolean {
    const ids = this.#ids.get(receiver);
    if (ids === undefined || !ids.delete(id)) return false;
    this.#count--;
    if (ids.size === 0) this.#ids.delete(receiver);
    return true;
  }
}

/** The message id, which is unique for a channel. Bytes that are no envelope stand for themselves. */
export function identityOf(envelope: Uint8Array): string {
  return decodeEnvelope(envelope)?.id ?? `\0${Buffer.from(envelope).toString("latin1")}`;
}

function deleteFirst(ids: Set<string>): void {
  for (const id of ids) {
    ids.delete(id);
    return;
  }
}
