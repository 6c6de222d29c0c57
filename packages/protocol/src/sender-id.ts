const SENDER_ID = /^[A-Za-z0-9_-]{8,64}$/;

/**
 * True for an id that a client may give itself, to be known by over its reconnects. It has no dot, so that it is never
 * taken for a connection id.
 */
export function isSenderId(id: unknown): id is string {
  return typeof id === "string" && SENDER_ID.test(id);
}

/** A sentence for whoever sent what {@link isSenderId} refuses. */
export const SENDER_ID_RULE = "a sender id has 8 to 64 characters out of A-Z a-z 0-9 _ -";
