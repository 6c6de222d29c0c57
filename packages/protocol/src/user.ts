/** The limits of what is known about users, one for every protocol. */
import { memberText } from "./json-span.ts";

/** Longest user id, in characters: Pusher's documented limit. */
export const MAX_USER_ID_LENGTH = 128;

/** Longest information about a user, in bytes of its JSON text: Pusher's documented limit. */
export const MAX_USER_INFO_BYTES = 1024;

// A half surrogate pair has no UTF-8 form, so two users would become one on their way.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the point of the rule is to refuse them
const FORBIDDEN_IN_ID = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;

/**
 * True for text that can be a signed-in user's id: 1 to 128 characters of any kind but control characters and half surrogate
 * pairs. Applications have ids such as `auth0|7` and `7:ann`.
 */
export function isUserId(id: unknown): id is string {
  return typeof id === "string" && id !== "" && id.length <= MAX_USER_ID_LENGTH && !FORBIDDEN_IN_ID.test(id);
}

const encoder = new TextEncoder();

/** Information about a user as the JSON text that travels, null for none; undefined when it is too long. */
export function userInfoText(info: unknown): string | null | undefined {
  if (info === undefined || info === null) return null;
  const text = JSON.stringify(info);
  return isShort(text) ? text : undefined;
}

/**
 * The same for `user_info` in what an application has signed: `data`, which `value` was parsed out of. It travels as it stands there, since
 * numbers such as 1234567890123456789 and 1.0 would come out of a parser as others. What is too long only for its blanks and escapes is
 * written shorter.
 */
export function userInfoIn(
  data: string,
  { user_info: info }: { readonly user_info?: unknown },
): string | null | undefined {
  if (info === undefined || info === null) return null;
  const text = memberText(data, "user_info");
  return text !== null && isShort(text) ? text : userInfoText(info);
}

function isShort(info: string): boolean {
  return encoder.encode(info).length <= MAX_USER_INFO_BYTES;
}
