/**
 * What gets signed. The strings are Pusher's, so a channel token of any Pusher server SDK is valid here and vice versa.
 * A channel token is `APP_KEY:hex(hmac_sha256(SECRET, channelStringToSign(…)))`, and a user token the same of `userStringToSign(…)`. No
 * channel is named `:user:…`, so neither can be taken for the other.
 */

/**
 * The string that a channel token signs. `data` is what the application vouches for besides the channel (presence member
 * data); it is signed exactly as it is sent, never re-serialised, and left out when there is none.
 */
export function channelStringToSign(connectionId: string, channel: string, data?: string): string {
  return data === undefined ? `${connectionId}:${channel}` : `${connectionId}:${channel}:${data}`;
}

/** The string that a user token signs: `data` says who the user is, and is signed exactly as it is sent. */
export function userStringToSign(connectionId: string, data: string): string {
  return `${connectionId}::user::${data}`;
}

/** Takes a channel token or a user token apart; null when it has no colon. */
export function splitChannelToken(token: string): { readonly key: string; readonly signature: string } | null {
  const colon = token.indexOf(":");
  if (colon === -1) return null;
  return { key: token.slice(0, colon), signature: token.slice(colon + 1) };
}
