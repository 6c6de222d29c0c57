/**
 * The grammar of channel names, one for every protocol: a channel may have clients of all of them at once.
 *
 * The alphabet and the limit are Pusher's (its SDKs allow 200 characters). `:` is left out on purpose: channel
 * tokens sign `connectionId:channel:data`, so a colon in a name would let one signed string be read as another.
 */

import { isUserId } from "./user.ts";

/** Longest channel name, in characters (all of them are ASCII, so also in bytes). */
export const MAX_CHANNEL_NAME_LENGTH = 200;

const CHANNEL_NAME = /^[-a-zA-Z0-9_=@,.;]{1,200}$/;

/** How a channel is guarded. Decided by the prefix of its name alone, so that every node agrees without asking. */
export type ChannelKind = "public" | "private" | "presence";

/** True when `name` may be used as a channel name. */
export function isChannelName(name: unknown): name is string {
  return typeof name === "string" && CHANNEL_NAME.test(name);
}

/** The kind of a channel. `private-encrypted-…` and `private-cache-…` are private, `presence-cache-…` is presence. */
export function channelKind(name: string): ChannelKind {
  if (name.startsWith("private-")) return "private";
  if (name.startsWith("presence-")) return "presence";
  return "public";
}

/** Prefixes of the names that make a channel a cache channel; Pusher's. */
const CACHE_PREFIXES = ["cache-", "private-cache-", "private-encrypted-cache-", "presence-cache-"];

/** True when the channel's name says that whoever subscribes gets its newest event at once. */
export function isCacheChannel(name: string): boolean {
  return CACHE_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** What the names of channels begin with that only the server gives out. No client can ask for another such channel by name. */
const SERVER_CHANNEL_PREFIX = "#";

/** What the channel of one user begins with; Pusher's. */
const USER_CHANNEL_PREFIX = "#server-to-user-";

/** True for a name that clients can't choose; {@link isChannelName} refuses them all. */
export function isServerChannel(name: string): boolean {
  return name.startsWith(SERVER_CHANNEL_PREFIX);
}

/** The channel that reaches all signed-in connections of a user. The id must be one that `isUserId` allows. */
export function userChannelOf(userId: string): string {
  return USER_CHANNEL_PREFIX + userId;
}

/** Whose channel it is; null for a name that is no user's. */
export function userOfChannel(name: string): string | null {
  if (!name.startsWith(USER_CHANNEL_PREFIX)) return null;
  const userId = name.slice(USER_CHANNEL_PREFIX.length);
  return isUserId(userId) ? userId : null;
}

/** True when an application may publish on a channel: any that clients can name, and those of users. */
export function isPublishableChannel(name: unknown): name is string {
  return isChannelName(name) || (typeof name === "string" && userOfChannel(name) !== null);
}

/** A sentence for whoever sent a name that {@link isChannelName} refuses. */
export const CHANNEL_NAME_RULE =
  "a channel name has 1 to 200 characters out of A-Z a-z 0-9 _ - = @ , . ; (use a dot where you would put a colon)";
