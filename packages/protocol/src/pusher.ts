/** The Pusher protocol, behind a path of its own: a client of the native protocol ships without it. */
export { PUSHER_NOTICES, PUSHER_VERSIONS } from "./pusher/codes.ts";
export type {
  PusherClientEvent,
  PusherCommand,
  PusherRecover,
  PusherRefused,
  PusherSignIn,
  PusherSubscribe,
} from "./pusher/commands.ts";
export { decodePusherCommand } from "./pusher/commands.ts";
export type { PusherPayload } from "./pusher/data.ts";
export { toDataLiteral, toPayload } from "./pusher/data.ts";
export type { PusherCaughtUp, PusherMember, PusherRoster, PusherSubscriptionError } from "./pusher/frames.ts";
export {
  cacheMiss,
  connectionEstablished,
  encodePusherPublication,
  eventsLost,
  internalSubscriptionError,
  memberAdded,
  memberRemoved,
  PUSHER_PONG,
  PUSHER_RECOVERY_PONG,
  pusherError,
  signInSuccess,
  subscriptionCount,
  subscriptionError,
  subscriptionSucceeded,
  watchlistEvents,
} from "./pusher/frames.ts";
export type { PusherUserData } from "./pusher/user-data.ts";
export { MAX_WATCHED_USERS, readUserData } from "./pusher/user-data.ts";
