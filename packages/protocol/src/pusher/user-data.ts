/** What a Pusher client's application vouches for when the client signs in. */
import { accept, type Result, refuse } from "../refusal.ts";
import { isUserId, MAX_USER_ID_LENGTH, MAX_USER_INFO_BYTES, userInfoIn } from "../user.ts";

/** Most users that one connection may watch; Pusher's documented limit. */
export const MAX_WATCHED_USERS = 100;

/** Who signs in. */
export interface PusherUserData {
  readonly id: string;
  /** JSON text of at most 1,024 bytes; null for nothing. */
  readonly info: string | null;
  /** Users to watch, each once, at most {@link MAX_WATCHED_USERS}. */
  readonly watchlist: readonly string[];
  /** True when there were more, which are left out. */
  readonly isWatchlistCut: boolean;
}

const RULE = `"user_data" is JSON text of {"id":"…"}, with a user id of 1 to ${MAX_USER_ID_LENGTH} characters`;

/** Reads `user_data`. Whether it is signed is another question. */
export function readUserData(text: string): Result<PusherUserData> {
  const value = parse(text);
  if (typeof value !== "object" || value === null) return refuse("invalid_field", RULE);
  const { id, watchlist = [] } = value as Readonly<Record<string, unknown>>;
  if (!isUserId(id)) return refuse("invalid_field", RULE);
  const infoText = userInfoIn(text, value);
  if (infoText === undefined) {
    return refuse("invalid_field", `"user_info" may have ${MAX_USER_INFO_BYTES} bytes as JSON text`);
  }
  if (!Array.isArray(watchlist) || !watchlist.every(isUserId)) {
    return refuse("invalid_field", '"watchlist" must be a list of user ids');
  }
  const watched = [...new Set(watchlist)];
  return accept({
    id,
    info: infoText,
    watchlist: watched.slice(0, MAX_WATCHED_USERS),
    isWatchlistCut: watched.length > MAX_WATCHED_USERS,
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
