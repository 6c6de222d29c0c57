import type { Incoming } from "./incoming.ts";

/** A channel to subscribe to, and what is shown for it. */
export interface Subscription {
  readonly channel: string;
  /** Proof for a guarded channel. */
  readonly token?: string;
  readonly data?: string;
  /** Position to recover from. */
  readonly recover?: string;
}

/** What a client says and understands of a protocol: as much as a load test needs. */
export interface Dialect {
  /** Path and query of the address. */
  readonly path: string;
  /** The WebSocket subprotocol to ask for; null for none. */
  readonly subprotocol: string | null;
  /** True: a frame is told by bytes, not as text. */
  readonly isBinary: boolean;
  /** The frames that subscribe to channels, to be sent one after the other. */
  subscribe(subscriptions: readonly Subscription[]): readonly (string | ArrayBuffer)[];
  /** Reads a frame. Frames that a load test doesn't know are `other`. Never throws. */
  read(frame: string | ArrayBuffer): Incoming;
}
