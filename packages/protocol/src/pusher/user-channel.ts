import { MAX_USER_ID_LENGTH } from "../user.ts";

/**
 * The channel of one user, to which events for whoever is signed in as that user are published. Its name has a character
 * that no other channel's has, and it is no channel that clients subscribe to with a token.
 */
const PREFIX = "#server-to-user-";

// Half a surrogate pair has no UTF-8 form: two users could become one.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the point of the rule is to refuse them
const FORBIDDEN = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;

/** The name of a user's channel. The id must be one that {@link userIdOfUserChannel} would give back. */
export function userChannel(userId: string): string {
  return PREFIX + userId;
}

/**
 * The user whose channel this is; null when it is no user's. Ids have 1 to 128 characters, of any kind but control
 * characters and half surrogate pairs: applications have ids such as `auth0|7` and `7:ann`.
 */
export function userIdOfUserChannel(channel: string): string | null {
  if (!channel.startsWith(PREFIX)) return null;
  const userId = channel.slice(PREFIX.length);
  if (userId === "" || userId.length > MAX_USER_ID_LENGTH || FORBIDDEN.test(userId)) return null;
  return userId;
}
