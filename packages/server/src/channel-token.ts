import {
  channelKind,
  channelStringToSign,
  MAX_USER_INFO_BYTES,
  userInfoText,
  userStringToSign,
} from "@carillon/protocol";
import { CarillonError } from "./carillon-error.ts";
import { hmacSha256Hex } from "./hashes.ts";
import { checkChannel, checkConnectionId, checkUserId, invalid } from "./ids.ts";
import type { Settings } from "./options.ts";

/** Who a subscriber of a presence channel is. */
export interface Member {
  /** The user's id: 1 to 128 characters; a whole number counts as its text. */
  readonly id: string | number;
  /** What others on the channel are told about the user: any JSON value, at most 1,024 bytes. */
  readonly info?: unknown;
}

/** Who signs in, as Pusher's clients have it. */
export interface UserData {
  readonly id: string;
  /** What others are told about the user, at most 1,024 bytes as JSON. */
  readonly user_info?: unknown;
  /** Ids of users whose coming and going the client wants to hear of. */
  readonly watchlist?: readonly string[];
  readonly [more: string]: unknown;
}

/** What a user endpoint of Pusher's clients answers. */
export interface UserAuth {
  readonly auth: string;
  readonly user_data: string;
}

/**
 * The token that lets one connection onto one channel: `KEY:SIGNATURE`, and behind a further colon the member, which is
 * signed too. Throws a {@link CarillonError} for whatever the gateway would refuse.
 */
export function signChannel(
  settings: Settings,
  {
    socketId,
    channel,
    member,
  }: { readonly socketId: string; readonly channel: string; readonly member?: Member | undefined },
): string {
  checkConnectionId("socketId", socketId);
  checkChannel(channel);
  const kind = channelKind(channel);
  if (kind === "public") {
    const advice = "clients subscribe to it without one; names of guarded channels begin with private- or presence-";
    throw new CarillonError("invalid_channel", `the channel "${channel}" is public and needs no token: ${advice}`);
  }
  if (kind === "presence" && member === undefined) {
    invalid(`a presence channel wants to know who this is: authenticateChannel(socketId, channel, { id, info })`);
  }
  const data = member === undefined ? undefined : memberText(member);
  const token = sign(settings, channelStringToSign(socketId, channel, data));
  return data === undefined ? token : `${token}:${data}`;
}

/** The token with which a Pusher client signs a user in. Throws a {@link CarillonError}. */
export function signUser(settings: Settings, socketId: string, user: UserData): UserAuth {
  checkConnectionId("socketId", socketId);
  if (typeof user !== "object" || user === null) invalid('"user" must be an object such as { id: "7" }');
  checkUserId("id", user.id);
  checkInfo("user_info", user.user_info);
  const data = JSON.stringify(user);
  return { auth: sign(settings, userStringToSign(socketId, data)), user_data: data };
}

/** `KEY:SIGNATURE` */
export function sign({ key, secret }: Settings, text: string): string {
  return `${key}:${hmacSha256Hex(secret, text)}`;
}

/** Checks information about a user. Throws `invalid_field`. */
export function checkInfo(name: string, info: unknown): void {
  let text: string | null | undefined;
  try {
    text = userInfoText(info);
  } catch (cause) {
    invalid(`"${name}" can't be said in JSON: ${cause instanceof Error ? cause.message.split("\n", 1)[0] : cause}`);
  }
  if (text === undefined) {
    invalid(
      `"${name}" is longer than ${MAX_USER_INFO_BYTES} bytes as JSON: tell less, such as an id to look the rest up by`,
    );
  }
}

function memberText(member: Member): string {
  if (typeof member !== "object" || member === null)
    invalid('"member" must be an object such as { id: "7", info: { name: "Ann" } }');
  const { id, info } = member;
  const userId = checkUserId("member.id", typeof id === "number" && Number.isSafeInteger(id) ? String(id) : id);
  checkInfo("member.info", info);
  return JSON.stringify({ user_id: userId, ...(info === undefined ? {} : { user_info: info }) });
}
