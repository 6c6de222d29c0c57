/**
 * What gets signed. The strings are Pusher's, so a channel token of any Pusher server SDK is valid here and vice versa.
 * A channel token is `APP_KEY:hex(hmac_sha256(SECRET, channelStringToSign(…)))`, and a user token the same of
 * `userStringToSign(…)`. No channel is named `:user:…`, so neither can be taken for the other.
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

/**
 * The `typ` of an API token: a JWT (HS256 by an app's secret) with which a server shows, in place of the publish secret,
 * that it knows that secret. Its header has the app's key as `kid`, its claims `iss` (the app's id) and `exp`. A type of
 * its own, so that no token that was made for a browser can ever pass for one.
 */
export const API_TOKEN_TYPE = "carillon-api+jwt";

/**
 * How far ahead of a publisher's clock an API token may end, in seconds: whoever gets hold of one can't use it for longer.
 */
export const MAX_API_TOKEN_SECONDS = 900;

/**
 * A channel token as a native client shows it, apart: `APP_KEY:SIGNATURE`, or `APP_KEY:SIGNATURE:DATA` with what is signed
 * besides.
 */
export function splitTokenData(token: string): { readonly token: string; readonly data?: string } {
  const [key = "", signature] = token.split(":", 2);
  const end = signature === undefined ? -1 : key.length + 1 + signature.length;
  return end === -1 || end === token.length ? { token } : { token: token.slice(0, end), data: token.slice(end + 1) };
}
