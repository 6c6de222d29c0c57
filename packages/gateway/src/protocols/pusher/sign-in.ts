import type { Session, WatchReport } from "@carillon/core";
import { accept, type Result, userChannelOf } from "@carillon/protocol";
import {
  MAX_WATCHED_USERS,
  PUSHER_NOTICES,
  type PusherSignIn,
  type PusherUserData,
  pusherError,
  readUserData,
  signInSuccess,
  watchlistEvents,
} from "@carillon/protocol/pusher";

/**
 * Signs a connection's user in. Accepted, with the frames that answer it, when the connection gets what is sent to the user.
 * The session knows its user before the first await, so a subscribe that comes right behind may count on it.
 */
export async function signIn(session: Session, { auth, userData }: PusherSignIn): Promise<Result<readonly string[]>> {
  const read = readUserData(userData);
  if (!read.ok) return read;
  const { id, info } = read.value;
  const signedIn = session.signIn({ token: auth, data: userData, user: { id, info } });
  if (!signedIn.ok) return signedIn;
  const heard = await hearUser(session, id);
  if (!heard.ok) return heard;
  // Last, as changes come from then on, and the answer has to be written before them.
  const watched = await watch(session, read.value);
  if (!watched.ok) return watched;
  return accept([signInSuccess(userData), ...watched.value]);
}

/** Subscribes to what is sent to the user, whether the client asks for it or not. */
async function hearUser(session: Session, userId: string): Promise<Result<void>> {
  const subscribed = await session.subscribe({ channel: userChannelOf(userId) });
  if (!subscribed.ok) return subscribed;
  const joined = subscribed.value?.join();
  return joined === undefined || joined.ok ? accept(undefined) : joined;
}

async function watch(
  session: Session,
  { watchlist, isWatchlistCut }: PusherUserData,
): Promise<Result<readonly string[]>> {
  if (!session.app.settings.watchlist) return accept([]);
  // Also who watches nobody waits until the others know that the user is online: that is what success means.
  const watched = await session.watch(watchlist);
  return watched.ok ? accept(watchFrames(watched.value, isWatchlistCut)) : watched;
}

function watchFrames({ online, offline }: WatchReport, isCut: boolean): string[] {
  const events = watchlistEvents(online, offline);
  const message = `a connection may watch ${MAX_WATCHED_USERS} users: the others on its watchlist are left out`;
  return [
    ...(events === null ? [] : [events]),
    ...(isCut ? [pusherError(PUSHER_NOTICES.watchlist_limit, message)] : []),
  ];
}
