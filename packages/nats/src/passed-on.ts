import type { BusReceiver } from "@carillon/core";

/** Most deliveries that are remembered. A new leader repeats what was on its way as the old one died, which is far less. */
export const MAX_PASSED_ON = 10_000;

/** Where a message that was published with an idempotency key stands in the stream of keys. */
export class KeyedPlace {
  readonly offset: number;
  /** The key's id, as the stream knows it. */
  readonly messageId: string;

  constructor(offset: number, messageId: string) {
    this.offset = offset;
    this.messageId = messageId;
  }
}

/**
 * What the stream of keys has passed on to whom. A stream keeps each key once and passes it on once, except where its leader dies:
 * the next one may pass on what it had not yet counted as passed on (nats-server 2.15: once in eight times that a leader was
 * killed under load). A second copy has the same place and the same id; only the place would be the same in a stream made anew.
 */
export class PassedOn {
  /** In the order of delivery; an array only where several receivers want one channel. */
  readonly #receivers = new Map<string, BusReceiver | readonly BusReceiver[]>();

  /** True when the receiver had it before. Asked once for each copy. */
  isRepeat(receiver: BusReceiver, { offset, messageId }: KeyedPlace): boolean {
    const key = `${offset} ${messageId}`;
    const present = this.#receivers.get(key);
    if (present === undefined) {
      this.#receivers.set(key, receiver);
      if (this.#receivers.size > MAX_PASSED_ON) this.#forgetOldest();
      return false;
    }
    const known = Array.isArray(present) ? present : [present];
    if (known.includes(receiver)) return true;
    this.#receivers.set(key, [...known, receiver]);
    return false;
  }

  #forgetOldest(): void {
    for (const key of this.#receivers.keys()) {
      this.#receivers.delete(key);
      return;
    }
  }
}
