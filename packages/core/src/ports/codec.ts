import type { Envelope } from "@carillon/protocol";
import type { PresenceChange } from "../presence/member.ts";

/** The form in which one kind of client gets publications. Encoded once per node, channel and codec, never per subscriber. */
export interface Codec {
  /** Short name, unique on the node; part of the topic names. */
  readonly name: string;
  /** True when its frames are binary WebSocket frames. */
  readonly isBinary: boolean;
  /** True when its clients say, where they are asked to, that a publication has arrived. */
  readonly isConfirming: boolean;
  /**
   * One frame that delivers a publication on a channel; `position` is where it stands in the channel's history, absent on
   * channels without. Returns fresh bytes, which may be part of a larger piece of memory: copy what is kept for long. Throws only
   * on a bug, or when it can't carry the payload.
   */
  encodePublication(channel: string, publication: Envelope, position?: string): Uint8Array;
  /**
   * One frame that says that publications of a channel are lost; null where the protocol has no word for it. `position` is
   * where the channel's clients stand now, absent when that can't be told.
   */
  encodeGap(channel: string, position?: string): Uint8Array | null;
  /** The frames that tell a change on a presence channel, in their order; most protocols need one. */
  encodePresence(channel: string, change: PresenceChange): readonly Uint8Array[];
  /** One frame that tells how many connections are subscribed to a channel; null where the protocol has no word for it. */
  encodeSubscriberCount(channel: string, count: number): Uint8Array | null;
}
