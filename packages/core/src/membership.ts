import {
  accept,
  allows,
  channelKind,
  isUserId,
  MAX_USER_ID_LENGTH,
  MAX_USER_INFO_BYTES,
  memberText,
  type Result,
  refuse,
  type SubscribeTarget,
  userInfoIn,
} from "@carillon/protocol";
import type { Asker } from "./permissions.ts";
import type { Member } from "./presence/member.ts";

const WATCHER: Result<Member | null> = accept(null);

/**
 * Who an allowed subscriber is on a presence channel: the member that its channel token vouches for; with a channel token that
 * names nobody, the user who has signed in; without one, the user of its
 * connection token where that grants `presence`, else null: it only watches. Always null on other channels.
 */
export function membershipOf({ grant, user }: Asker, target: SubscribeTarget): Result<Member | null> {
  if (channelKind(target.channel) !== "presence") return WATCHER;
  if (target.token !== undefined) {
    return target.data === undefined && user !== null ? accept(user) : memberIn(target.data);
  }
  if (grant?.userId == null || !allows(grant.capabilities, "presence", target.channel)) return WATCHER;
  return accept({ id: grant.userId, info: grant.userInfo });
}

/** Reads what a channel token vouches for; Pusher's form. */
function memberIn(data = ""): Result<Member> {
  const value = parse(data);
  if (typeof value !== "object" || value === null) return refuse("invalid_field", DATA_RULE);
  const { user_id: userId } = value as { readonly user_id?: unknown };
  const id = typeof userId === "number" ? idOfNumber(userId, memberText(data, "user_id") ?? "") : userId;
  if (!isUserId(id)) return refuse("invalid_field", DATA_RULE);
  const info = userInfoIn(data, value);
  if (info === undefined) {
    const message = `"user_info" may have ${MAX_USER_INFO_BYTES} bytes as JSON text: send less, or an address`;
    return refuse("invalid_field", message);
  }
  return accept({ id, info });
}

const WHOLE_NUMBER = /^-?\d+$/;

/** Pusher's server libraries take numbers as well, and clients see them as text. `text`: the number as it was written. */
function idOfNumber(value: number, text: string): string | null {
  if (Number.isSafeInteger(value)) return String(value);
  // Beyond 2^53 the value is another number already: two users would become one.
  return WHOLE_NUMBER.test(text) ? text : null;
}

const DATA_RULE = `on a presence channel "data" is the signed JSON text of {"user_id":"…","user_info":…}, with a user id of 1 to ${MAX_USER_ID_LENGTH} characters, none of them a control character or half a surrogate pair, or a whole number`;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
