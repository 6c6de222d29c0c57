/** Codes that a `pusher:error` carries while the connection lives on. Never close codes: clients would stay away for good. */
export const PUSHER_NOTICES = {
  /** A client event was not relayed: too many of them, or the app has them off. */
  client_event_rejected: 4301,
  /** More users on a watchlist than one connection may watch. */
  watchlist_limit: 4302,
} as const;

/** Versions of the protocol that are spoken; all of them alike. */
export const PUSHER_VERSIONS: readonly number[] = [5, 6, 7];
