import type { Envelope } from "@carillon/protocol";

/** The form in which one kind of client gets publications. Encoded once per node, channel and codec, never per subscriber. */
export interface Codec {
  /** Short name, unique on the node; part of the topic names. */
  readonly name: string;
  /** True when its frames are binary WebSocket frames. */
  readonly isBinary: boolean;
  /** One frame that delivers a publication on a channel. Returns fresh bytes. Throws only on a bug. */
  encodePublication(channel: string, publication: Envelope): Uint8Array;
}
