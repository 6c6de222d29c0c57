/** The forms of names and ids, checked before anything is signed or sent. */
import {
  CHANNEL_NAME_RULE,
  EVENT_NAME_RULE,
  isChannelName,
  isEventName,
  isPublishableChannel,
  isUserId,
  MAX_USER_ID_LENGTH,
} from "@carillon/protocol";
import { CarillonError } from "./carillon-error.ts";

const CONNECTION_ID = /^\d{1,20}\.\d{1,20}$/;
const MAX_SHOWN = 60;

/** A connection id (`socketId`). Throws `invalid_field`. */
export function checkConnectionId(name: string, id: unknown): string {
  if (typeof id === "string" && CONNECTION_ID.test(id)) return id;
  return invalid(`"${name}" is ${shown(id)}, not a connection id such as "123.456", which the client tells`);
}

/** A channel that clients can name. Throws `invalid_channel`. */
export function checkChannel(channel: unknown): string {
  if (isChannelName(channel)) return channel;
  throw new CarillonError("invalid_channel", `${shown(channel)} is no channel name: ${CHANNEL_NAME_RULE}`);
}

/** A channel to publish on. Throws `invalid_channel`. */
export function checkPublishable(channel: unknown): string {
  if (isPublishableChannel(channel)) return channel;
  throw new CarillonError("invalid_channel", `${shown(channel)} is no channel name: ${CHANNEL_NAME_RULE}`);
}

/** An event to publish. Throws `invalid_event`. */
export function checkEvent(event: unknown): string {
  if (isEventName(event)) return event;
  throw new CarillonError("invalid_event", `${shown(event)} is no event name: ${EVENT_NAME_RULE}`);
}

/** A user's id. Throws `invalid_field`. */
export function checkUserId(name: string, id: unknown): string {
  if (isUserId(id)) return id;
  return invalid(
    `"${name}" is ${shown(id)}, not a user id: a text of 1 to ${MAX_USER_ID_LENGTH} characters, no control characters, no half surrogate pairs`,
  );
}

/** Throws `invalid_field`. */
export function invalid(message: string): never {
  throw new CarillonError("invalid_field", message);
}

/** A value as messages show it: it may be anything, and come from a stranger. */
export function shown(value: unknown): string {
  if (typeof value !== "string") return value === null ? "null" : `of type ${typeof value}`;
  return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
}
