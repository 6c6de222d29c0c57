import { CHANNEL_NAME_RULE, MAX_EXCLUDE_BYTES, MAX_MESSAGE_ID_BYTES } from "@carillon/protocol";

/** An object of a body, as JSON.parse made it. */
export type Members = Readonly<Record<string, unknown>>;

const CONNECTION_ID = /^\d+\.\d+$/;
const FORBIDDEN_IN_CHANNEL = /[^-a-zA-Z0-9_=@,.;]/u;
// Ids become headers on the bus, and half a surrogate pair has no UTF-8 form: two ids could become one.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the point of the rule is to refuse them
const FORBIDDEN_IN_ID = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;

/** A sentence's end for whoever sent an id that {@link isMessageId} refuses. */
export const MESSAGE_ID_RULE = `must be a string of 1 to ${MAX_MESSAGE_ID_BYTES} bytes without control characters`;

/** True when a caller may give an event this id. */
export function isMessageId(id: unknown): id is string {
  return (
    typeof id === "string" && id !== "" && Buffer.byteLength(id) <= MAX_MESSAGE_ID_BYTES && !FORBIDDEN_IN_ID.test(id)
  );
}

/** True for `123.456`. */
export function isConnectionId(id: unknown): id is string {
  return typeof id === "string" && id.length <= MAX_EXCLUDE_BYTES && CONNECTION_ID.test(id);
}

/** True when there are more than the limit says; a limit of 0 is none. */
export function isOver(count: number, limit: number): boolean {
  return limit !== 0 && count > limit;
}

/** True for an object that is no array. */
export function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a value is, for messages. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** What is wrong with a channel's name that is refused; `where` says where it stands. */
export function channelMistake(where: string, channel: unknown): string {
  if (typeof channel !== "string") return `${where} is ${kindOf(channel)}: ${CHANNEL_NAME_RULE}`;
  const [forbidden] = FORBIDDEN_IN_CHANNEL.exec(channel) ?? [];
  if (forbidden !== undefined) return `${where} contains ${JSON.stringify(forbidden)}: ${CHANNEL_NAME_RULE}`;
  return `${where} has ${channel.length} characters: ${CHANNEL_NAME_RULE}`;
}
