/** Turns a decoded map into a {@link Command}. Knows the form of commands, and nothing of how they were encoded. */
import { CHANNEL_NAME_RULE, isChannelName } from "../channel-name.ts";
import { EVENT_NAME_RULE, isEventName } from "../event-name.ts";
import { accept, type Refusal, type Result, refuse } from "../refusal.ts";
import { splitTokenData } from "../signing.ts";
import { MAX_USER_ID_LENGTH } from "../user.ts";
import type { Command, CommandId, SubscribeTarget } from "./commands.ts";

/** What a client sent wrong, with the id of the command and its one channel where they could be read, so that the reply finds its sender. */
export interface CommandRefusal extends Refusal {
  readonly id?: CommandId;
  readonly channel?: string;
}

/** Result of reading a frame of a client. */
export type CommandResult = { readonly ok: true; readonly value: Command } | CommandRefusal;

/** The payload of a publish as JSON text, or why it has none. Each encoding has its own way to find it. */
export type PayloadReader = (frame: Readonly<Record<string, unknown>>) => Result<Uint8Array>;

/** Most channels in one subscribe or unsubscribe frame. */
export const MAX_CHANNELS_PER_COMMAND = 100;

/** Longest token that is looked at, in characters; a JWT with a hundred capabilities stays well below. */
export const MAX_TOKEN_LENGTH = 8192;

const MAX_ID_LENGTH = 64;
const KNOWN_TYPES = "subscribe, unsubscribe, publish, history, presence, received, refresh and ping";

/** Most publications that one command may ask for. */
export const MAX_HISTORY_LIMIT = 1000;

const DEFAULT_HISTORY_LIMIT = 100;

/** Longer than any receipt: a message id has at most 128 bytes, each three characters here. */
const MAX_RECEIPT_LENGTH = 400;

/** Longer than any position. */
const MAX_POSITION_LENGTH = 64;

type Frame = Readonly<Record<string, unknown>>;

/** Reads one frame. Unknown members are ignored, so that later versions can add some. */
export function readCommand(value: unknown, readPayload: PayloadReader): CommandResult {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse("invalid_frame", `a frame is an object with a "type": ${KNOWN_TYPES} are known`);
  }
  const frame = value as Frame;
  const id = frame["id"];
  if (!isCommandId(id)) {
    return refuse("invalid_field", `"id" is a number or a string of at most ${MAX_ID_LENGTH} characters`);
  }
  const result = readBody(frame, id === undefined ? {} : { id }, readPayload);
  if (result.ok) return result;
  const { channel } = frame;
  const isAboutOne = frame["channels"] === undefined && isChannelName(channel);
  return { ...result, ...(id === undefined ? {} : { id }), ...(isAboutOne ? { channel } : {}) };
}

function isCommandId(id: unknown): id is CommandId | undefined {
  if (id === undefined) return true;
  return typeof id === "string" ? id.length <= MAX_ID_LENGTH : typeof id === "number" && Number.isFinite(id);
}

function readBody(frame: Frame, id: { readonly id?: CommandId }, readPayload: PayloadReader): Result<Command> {
  switch (frame["type"]) {
    case "subscribe":
      return readSubscribe(frame, id);
    case "unsubscribe":
      return readUnsubscribe(frame, id);
    case "publish":
      return readPublish(frame, id, readPayload);
    case "history":
      return readHistory(frame, id);
    case "presence":
      return readPresence(frame, id);
    case "received":
      return readReceived(frame, id);
    case "refresh":
      return readRefresh(frame, id);
    case "ping":
      return accept({ type: "ping", ...id });
    case undefined:
      return refuse("missing_field", `"type" is missing: ${KNOWN_TYPES} are known`);
    default:
      return refuse("invalid_frame", `this "type" is unknown: ${KNOWN_TYPES} are known`);
  }
}

function readSubscribe(frame: Frame, id: { readonly id?: CommandId }): Result<Command> {
  const many = frame["channels"];
  if (many === undefined) {
    const target = readTarget(frame);
    return target.ok ? accept({ type: "subscribe", targets: [target.value], isMany: false, ...id }) : target;
  }
  const listed = checkList(many);
  if (!listed.ok) return listed;
  const targets: SubscribeTarget[] = [];
  for (const item of listed.value) {
    const target = readTarget(typeof item === "string" ? { channel: item } : item);
    if (!target.ok) return target;
    targets.push(target.value);
  }
  return accept({ type: "subscribe", targets, isMany: true, ...id });
}

function readTarget(value: unknown): Result<SubscribeTarget> {
  if (typeof value !== "object" || value === null) {
    return refuse("invalid_field", `"channels" lists names, or objects with "channel", "token" and "data"`);
  }
  const { channel, token, data, recover, rewind } = value as Frame;
  const named = checkChannel(channel);
  if (!named.ok) return named;
  if (token !== undefined && !isToken(token)) return refuse("invalid_field", TOKEN_RULE);
  if (data !== undefined && typeof data !== "string")
    return refuse("invalid_field", `"data" is the text that was signed`);
  if (recover !== undefined && !isPositionText(recover)) return refuse("invalid_field", positionRule("recover"));
  if (rewind !== undefined && rewind !== "beginning" && !isHistoryLimit(rewind)) {
    return refuse("invalid_field", `"rewind" is a whole number from 1 to ${MAX_HISTORY_LIMIT}, or "beginning"`);
  }
  const isPlain = token === undefined && data === undefined && recover === undefined && rewind === undefined;
  if (isPlain) return accept({ channel: named.value });
  return accept({
    channel: named.value,
    ...proofOf(token, data),
    ...(recover === undefined ? {} : { recover }),
    ...(rewind === undefined ? {} : { rewind }),
  });
}

/** What a subscriber shows. The data may stand in the token, so that a client need know only one text. */
function proofOf(token: string | undefined, data: string | undefined): Pick<SubscribeTarget, "token" | "data"> {
  if (data !== undefined) return token === undefined ? { data } : { token, data };
  return token === undefined ? {} : splitTokenData(token);
}

function readHistory(frame: Frame, id: { readonly id?: CommandId }): Result<Command> {
  const { limit = DEFAULT_HISTORY_LIMIT, since, direction = "forward" } = frame;
  const named = checkChannel(frame["channel"]);
  if (!named.ok) return named;
  if (!isHistoryLimit(limit)) {
    return refuse("invalid_field", `"limit" is a whole number from 1 to ${MAX_HISTORY_LIMIT}`);
  }
  if (direction !== "forward" && direction !== "backward") {
    return refuse("invalid_field", `"direction" is "forward" or "backward"`);
  }
  if (since !== undefined && !isPositionText(since)) return refuse("invalid_field", positionRule("since"));
  if (since !== undefined && direction === "backward") {
    return refuse("invalid_field", `"since" goes with "direction":"forward" only: backward begins at the newest`);
  }
  return accept({
    type: "history",
    channel: named.value,
    limit,
    ...(since === undefined ? {} : { since }),
    direction,
    ...id,
  });
}

function readPresence(frame: Frame, id: { readonly id?: CommandId }): Result<Command> {
  const { limit = DEFAULT_HISTORY_LIMIT, after } = frame;
  const named = checkChannel(frame["channel"]);
  if (!named.ok) return named;
  if (!isHistoryLimit(limit)) {
    return refuse("invalid_field", `"limit" is a whole number from 1 to ${MAX_HISTORY_LIMIT}`);
  }
  if (after !== undefined && (typeof after !== "string" || after.length > MAX_USER_ID_LENGTH)) {
    return refuse(
      "invalid_field",
      `"after" is the "next" of the page before: a string of at most ${MAX_USER_ID_LENGTH} characters`,
    );
  }
  return accept({ type: "presence", channel: named.value, limit, ...(after === undefined ? {} : { after }), ...id });
}

function readReceived(frame: Frame, id: { readonly id?: CommandId }): Result<Command> {
  const { receipt } = frame;
  const named = checkChannel(frame["channel"]);
  if (!named.ok) return named;
  if (receipt === undefined) return refuse("missing_field", `"receipt" is missing: the one of the delivery`);
  if (typeof receipt !== "string" || receipt.length > MAX_RECEIPT_LENGTH) {
    return refuse("invalid_field", `"receipt" is the one of the delivery, a string`);
  }
  return accept({ type: "received", channel: named.value, receipt, ...id });
}

function isHistoryLimit(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_HISTORY_LIMIT;
}

function isPositionText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_POSITION_LENGTH;
}

function positionRule(member: string): string {
  return `"${member}" is a position, as deliveries and replies have it: a string of at most ${MAX_POSITION_LENGTH} characters`;
}

function readUnsubscribe(frame: Frame, id: { readonly id?: CommandId }): Result<Command> {
  const many = frame["channels"];
  if (many === undefined) {
    const named = checkChannel(frame["channel"]);
    return named.ok ? accept({ type: "unsubscribe", channels: [named.value], isMany: false, ...id }) : named;
  }
  const listed = checkList(many);
  if (!listed.ok) return listed;
  const channels: string[] = [];
  for (const item of listed.value) {
    const named = checkChannel(item);
    if (!named.ok) return named;
    channels.push(named.value);
  }
  return accept({ type: "unsubscribe", channels, isMany: true, ...id });
}

function readPublish(frame: Frame, id: { readonly id?: CommandId }, readPayload: PayloadReader): Result<Command> {
  const named = checkChannel(frame["channel"]);
  if (!named.ok) return named;
  const event = frame["event"];
  if (event === undefined) return refuse("missing_field", `"event" is missing: the name of what happened`);
  if (!isEventName(event)) return refuse("invalid_event", EVENT_NAME_RULE);
  const echo = frame["echo"];
  if (echo !== undefined && typeof echo !== "boolean") return refuse("invalid_field", `"echo" is true or false`);
  const payload = readPayload(frame);
  if (!payload.ok) return payload;
  return accept({
    type: "publish",
    channel: named.value,
    event,
    payload: payload.value,
    isEchoed: echo === true,
    ...id,
  });
}

const TOKEN_RULE = `"token" is a string of at most ${MAX_TOKEN_LENGTH} characters`;

function readRefresh(frame: Frame, id: { readonly id?: CommandId }): Result<Command> {
  const token = frame["token"];
  if (token === undefined) return refuse("missing_field", `"token" is missing: a connection token (JWT)`);
  return isToken(token) ? accept({ type: "refresh", token, ...id }) : refuse("invalid_field", TOKEN_RULE);
}

function isToken(token: unknown): token is string {
  return typeof token === "string" && token.length <= MAX_TOKEN_LENGTH;
}

function checkChannel(channel: unknown): Result<string> {
  if (channel === undefined) return refuse("missing_field", `"channel" is missing`);
  return isChannelName(channel) ? accept(channel) : refuse("invalid_channel", CHANNEL_NAME_RULE);
}

function checkList(value: unknown): Result<readonly unknown[]> {
  if (!Array.isArray(value) || value.length === 0) {
    return refuse("invalid_field", `"channels" is a list with at least one channel`);
  }
  if (value.length > MAX_CHANNELS_PER_COMMAND) {
    return refuse(
      "too_many_channels",
      `one frame may name ${MAX_CHANNELS_PER_COMMAND} channels, this one names ${value.length}: send several frames`,
    );
  }
  return accept(value);
}
