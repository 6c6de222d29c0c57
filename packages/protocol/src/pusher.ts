/** The Pusher protocol, behind a path of its own: a client of the native protocol ships without it. */
export type { PusherPayload } from "./pusher/data.ts";
export { toDataLiteral, toPayload } from "./pusher/data.ts";
export { userChannel, userIdOfUserChannel } from "./pusher/user-channel.ts";
