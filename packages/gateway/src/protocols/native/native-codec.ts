import type { Codec, Member, PresenceChange } from "@carillon/core";
import {
  type CommandResult,
  decodeJsonCommand,
  type Envelope,
  encodeJsonFrame,
  encodeJsonGap,
  encodeJsonHistory,
  encodeJsonPublication,
  type HistoryFrame,
  JSON_SUBPROTOCOL,
  type MemberItem,
  MSGPACK_SUBPROTOCOL,
  type PresenceFrame,
  type ServerFrame,
} from "@carillon/protocol";
import {
  decodeMsgpackCommand,
  encodeMsgpackFrame,
  encodeMsgpackGap,
  encodeMsgpackHistory,
  encodeMsgpackPublication,
} from "@carillon/protocol/msgpack";

/** One encoding of the native protocol, both ways. */
export interface NativeCodec extends Codec {
  /** The subprotocol that asks for it. */
  readonly subprotocol: string;
  decodeCommand(data: Uint8Array): CommandResult;
  encodeFrame(frame: ServerFrame): string | Uint8Array;
  /** Throws when a payload is nothing that this encoding can carry. */
  encodeHistory(frame: HistoryFrame): string | Uint8Array;
  encodePublication(channel: string, publication: Envelope, position?: string): Uint8Array;
  encodeGap(channel: string, position?: string): Uint8Array;
}

/** JSON in text frames; what a client without a subprotocol gets. */
export const jsonCodec: NativeCodec = {
  name: "json",
  isBinary: false,
  isConfirming: true,
  subprotocol: JSON_SUBPROTOCOL,
  decodeCommand: decodeJsonCommand,
  encodeFrame: encodeJsonFrame,
  encodeHistory: encodeJsonHistory,
  encodePublication: encodeJsonPublication,
  encodeGap: encodeJsonGap,
  encodePresence: (channel, change) => [encoder.encode(encodeJsonFrame(presenceFrame(channel, change)))],
  encodeSubscriberCount: () => null,
};

/** msgpack in binary frames. */
export const msgpackCodec: NativeCodec = {
  name: "msgpack",
  isBinary: true,
  isConfirming: true,
  subprotocol: MSGPACK_SUBPROTOCOL,
  decodeCommand: decodeMsgpackCommand,
  encodeFrame: encodeMsgpackFrame,
  encodeHistory: encodeMsgpackHistory,
  encodePublication: encodeMsgpackPublication,
  encodeGap: encodeMsgpackGap,
  encodePresence: (channel, change) => [encodeMsgpackFrame(presenceFrame(channel, change))],
  encodeSubscriberCount: () => null,
};

const encoder = new TextEncoder();

function presenceFrame(channel: string, { joined, left, count, isCountOnly }: PresenceChange): PresenceFrame {
  if (isCountOnly) return { type: "presence", channel, count };
  return { type: "presence", channel, joined: joined.map(memberItem), left, count };
}

/** A member as the native protocol shows it. */
export function memberItem({ id, info }: Member): MemberItem {
  return info === null ? { id } : { id, info: JSON.parse(info) };
}
