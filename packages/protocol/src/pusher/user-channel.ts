import { isChannelName } from "../channel-name.ts";
import { MAX_USER_ID_LENGTH } from "../user.ts";

/**
 * The channel of one user, to which events for whoever is signed in as that user are published. Its name has a character
 * that no other channel's has, and it is no channel that clients subscribe to with a token.
 */
const PREFIX = "#server-to-user-";

/** The name of a user's channel. The id must be one that {@link userIdOfUserChannel} would give back. */
export function userChannel(userId: string): string {
  return PREFIX + userId;
}

/**
 * The user whose channel this is; null when it is no user's. Ids on the channel have the characters of channel names, up to
 * {@link MAX_USER_ID_LENGTH} of them.
 */
export function userIdOfUserChannel(channel: string): string | null {
  if (!channel.startsWith(PREFIX)) return null;
  const userId = channel.slice(PREFIX.length);
  return userId.length <= MAX_USER_ID_LENGTH && isChannelName(userId) ? userId : null;
}
