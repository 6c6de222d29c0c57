import type { Dialect, Subscription } from "./dialect.ts";
import type { Incoming } from "./incoming.ts";

/**
 * A dialect that reads a text only once when one client after the other is sent the very same, as is nearly all that is published
 * to everybody. Nothing is taken for granted: a frame that differs in one character is read by itself.
 */
export class RepeatedFrames implements Dialect {
  readonly path: string;
  readonly subprotocol: string | null;
  readonly isBinary: boolean;
  readonly #dialect: Dialect;
  #frame: string | null = null;
  #incoming: Incoming = { type: "other" };

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.path = dialect.path;
    this.subprotocol = dialect.subprotocol;
    this.isBinary = dialect.isBinary;
  }

  subscribe(subscriptions: readonly Subscription[]): readonly (string | ArrayBuffer)[] {
    return this.#dialect.subscribe(subscriptions);
  }

  read(frame: string | ArrayBuffer): Incoming {
    if (frame === this.#frame) return this.#incoming;
    const incoming = this.#dialect.read(frame);
    if (typeof frame === "string") {
      this.#frame = frame;
      this.#incoming = incoming;
    }
    return incoming;
  }
}
