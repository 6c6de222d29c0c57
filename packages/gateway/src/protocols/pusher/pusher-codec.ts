import type { Codec, PresenceChange } from "@carillon/core";
import { encodePusherPublication, memberAdded, memberRemoved, subscriptionCount } from "@carillon/protocol/pusher";

const encoder = new TextEncoder();

/** The one form in which Pusher clients get publications: JSON in text frames. */
export const pusherCodec: Codec = {
  name: "pusher",
  isBinary: false,
  isConfirming: false,
  // The protocol has no positions, and no word for a gap.
  encodePublication: encodePusherPublication,
  encodeGap: () => null,
  encodePresence,
  encodeSubscriberCount: (channel, count) => {
    // Java clients try to decrypt whatever comes on an encrypted channel.
    return channel.startsWith("private-encrypted-") ? null : encoder.encode(subscriptionCount(channel, count));
  },
};

/** One frame for each user, as the protocol has it; on a channel that only counts, the number of users. */
function encodePresence(channel: string, change: PresenceChange): readonly Uint8Array[] {
  const { joined, changed, left, count, isCountOnly } = change;
  if (isCountOnly) return [encoder.encode(subscriptionCount(channel, count))];
  const added = joined.filter(({ id }) => changed?.has(id) !== true);
  return [
    ...left.map((id) => encoder.encode(memberRemoved(channel, id))),
    ...added.map((member) => encoder.encode(memberAdded(channel, member))),
  ];
}
