import type { Codec, PresenceChange } from "@carillon/core";
import {
  encodePusherPublication,
  eventsLost,
  memberAdded,
  memberRemoved,
  subscriptionCount,
} from "@carillon/protocol/pusher";

const encoder = new TextEncoder();

/** The form in which Pusher clients get publications: JSON in text frames. */
export const pusherCodec: Codec = {
  name: "pusher",
  isBinary: false,
  isConfirming: false,
  // The protocol has no positions, and no word for a gap.
  encodePublication: (channel, publication) => encodePusherPublication(channel, publication),
  encodeGap: () => null,
  encodePresence,
  encodeSubscriberCount: (channel, count) => {
    // Java clients try to decrypt whatever comes on an encrypted channel.
    return channel.startsWith("private-encrypted-") ? null : encoder.encode(subscriptionCount(channel, count));
  },
};

/** The same with positions and gaps, for clients that asked for them. */
export const pusherRecoveryCodec: Codec = {
  ...pusherCodec,
  name: "pusher-recovery",
  encodePublication: encodePusherPublication,
  encodeGap: (channel, position) => encoder.encode(eventsLost(channel, position)),
};

/**
 * One frame for each user, as the protocol has it; on a channel that only counts, the number of users. It has none for a user who has another info
 * now: that one goes and comes, or clients would count it twice.
 */
function encodePresence(channel: string, change: PresenceChange): readonly Uint8Array[] {
  const { joined, changed, left, count, isCountOnly } = change;
  if (isCountOnly) return [encoder.encode(subscriptionCount(channel, count))];
  return [
    ...[...left, ...(changed ?? [])].map((id) => encoder.encode(memberRemoved(channel, id))),
    ...joined.map((member) => encoder.encode(memberAdded(channel, member))),
  ];
}
