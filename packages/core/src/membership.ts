import {
  accept,
  allows,
  channelKind,
  MAX_USER_ID_LENGTH,
  MAX_USER_INFO_BYTES,
  type Result,
  refuse,
  type SubscribeTarget,
  userInfoText,
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
function memberIn(data: string | undefined): Result<Member> {
  const value = data === undefined ? undefined : parse(data);
  if (typeof value !== "object" || value === null) return refuse("invalid_field", DATA_RULE);
  const { user_id: userId, user_info: info } = value as { readonly user_id?: unknown; readonly user_info?: unknown };
  // Pusher's server libraries take numbers as well, and clients see them as text.
  const id = typeof userId === "number" && Number.isSafeInteger(userId) ? String(userId) : userId;
  if (typeof id !== "string" || id === "" || id.length > MAX_USER_ID_LENGTH) return refuse("invalid_field", DATA_RULE);
  const infoText = userInfoText(info);
  if (infoText === undefined) {
    const message = `"user_info" may have ${MAX_USER_INFO_BYTES} bytes as JSON text: send less, or an address`;
    return refuse("invalid_field", message);
  }
  return accept({ id, info: infoText });
}

const DATA_RULE = `on a presence channel "data" is the signed JSON text of {"user_id":"…","user_info":…}, with a user id of 1 to ${MAX_USER_ID_LENGTH} characters`;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
