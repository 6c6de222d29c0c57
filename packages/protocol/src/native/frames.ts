/**
 * The frames that a server of the native protocol, version 1, sends. docs/protocol/native.md has the rules by number.
 *
 * Every frame is one map with a `type`, except a delivery, which is the bare `{channel, event, payload}` of the smallest
 * possible client. No other frame has a member `event`, so such a client can't mistake one for its own.
 */
import type { ErrorCode } from "../codes.ts";
import type { Envelope } from "../envelope.ts";
import type { CommandId } from "./commands.ts";

/** First frame of every connection. */
export interface WelcomeFrame {
  readonly type: "welcome";
  readonly connectionId: string;
  /** Version of the protocol: 1. */
  readonly version: number;
  /** The server pings within this time and closes a connection that stays silent for longer. */
  readonly idleTimeoutMs: number;
  /** Longest frame that the server reads. */
  readonly maxFrameBytes: number;
  /** When the connection token expires, in milliseconds since 1970. Absent without one. */
  readonly expiresAt?: number;
}

/** A channel that could not be subscribed to, in the reply to a command with many. */
export interface FailedChannel {
  readonly channel: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Why a subscriber could not be caught up. docs/protocol/native.md says what each means. */
export type RecoveryReason = "epoch_changed" | "too_old" | "unavailable" | "no_history" | "malformed";

/** How a subscriber of one channel with history stands. */
export interface SubscribedHistory {
  /** What is published after this comes as deliveries. Absent while the store of histories can't be reached. */
  readonly position?: string;
  /** Whether everything after the position that was given follows; absent when none was. */
  readonly recovered?: boolean;
  /** Why it doesn't. */
  readonly reason?: RecoveryReason;
  /** On a cache channel: whether its newest event follows. */
  readonly cached?: boolean;
  /** How many events follow that a rewind asked for; absent when none do. */
  readonly rewound?: number;
}

/** Who is on a presence channel, as the reply to a subscribe says it. */
export interface PresenceReport {
  /** Users on the channel. */
  readonly count: number;
  /** The first of them by id; absent on a channel that only counts. */
  readonly members?: readonly MemberItem[];
  /** Where the next page begins; absent when this is all. */
  readonly next?: string;
  /** The member that this connection is; absent for one that only watches. */
  readonly me?: MemberItem;
  /** False when a node did not tell its members in time; they come as changes. Absent: it is all there. */
  readonly complete?: false;
  /** True when only numbers are told. */
  readonly countOnly?: true;
}

/** Reply to a subscribe: for one channel `channel`, for many `channels` and those that failed. */
export interface SubscribedFrame extends SubscribedHistory {
  readonly type: "subscribed";
  readonly id?: CommandId;
  readonly channel?: string;
  readonly channels?: readonly string[];
  readonly errors?: readonly FailedChannel[];
  /** For many: those that have a history, or were to be recovered. */
  readonly histories?: readonly ({ readonly channel: string } & SubscribedHistory)[];
  /** On a presence channel. */
  readonly presence?: PresenceReport;
  /** For many: those with presence. */
  readonly presences?: readonly ({ readonly channel: string } & PresenceReport)[];
}

/** Reply to an unsubscribe; or a push, with `code` and `message`, when a subscription has ended without the client's asking. */
export interface UnsubscribedFrame {
  readonly type: "unsubscribed";
  readonly id?: CommandId;
  readonly channel?: string;
  readonly channels?: readonly string[];
  readonly code?: ErrorCode;
  readonly message?: string;
}

/** Reply to a publish that had an id: the bus has taken it over. */
export interface PublishedFrame {
  readonly type: "published";
  readonly id: CommandId;
  /** Id of the publication. */
  readonly messageId: string;
  /** Where it stands in the channel's history; absent on channels without. */
  readonly position?: string;
}

/** A publication in the reply to a history command. */
export interface HistoryItem {
  readonly publication: Envelope;
  readonly position: string;
}

/** Reply to a history command. Encoded by itself: payloads are passed on as they were published. */
export interface HistoryFrame {
  readonly type: "history";
  readonly id?: CommandId;
  readonly channel: string;
  /** In the direction asked for. On the wire `{event, payload, position, time}` each. */
  readonly publications: readonly HistoryItem[];
  /** The newest position of the channel. */
  readonly position: string;
  /** True when a limit cut the answer short. */
  readonly hasMore: boolean;
  /** Whether nothing is missing between `since` and the first publication; absent without `since`. */
  readonly reachable?: boolean;
}

/** Push: publications of a channel are lost, between those before this frame and those behind it. */
export interface GapFrame {
  readonly type: "gap";
  readonly channel: string;
  /** Where the connection stands now; absent when that can't be told. */
  readonly position?: string;
}

/** Somebody on a presence channel. */
export interface MemberItem {
  readonly id: string;
  /** What the application vouches for about the user; absent when there is nothing. */
  readonly info?: unknown;
}

/** Push: who came to a presence channel and who left it since the last one; `count` alone on a channel that only counts. */
export interface PresenceFrame {
  readonly type: "presence";
  readonly channel: string;
  readonly joined?: readonly MemberItem[];
  readonly left?: readonly string[];
  readonly count: number;
}

/** Reply to a presence command. */
export interface MembersFrame {
  readonly type: "members";
  readonly id?: CommandId;
  readonly channel: string;
  readonly count: number;
  readonly members: readonly MemberItem[];
  /** Where the next page begins; absent when this was the last. */
  readonly next?: string;
}

/** Reply to a receipt that had an id. */
export interface ReceivedFrame {
  readonly type: "received";
  readonly id: CommandId;
  readonly channel: string;
}

/** Reply to a refresh. */
export interface RefreshedFrame {
  readonly type: "refreshed";
  readonly id?: CommandId;
  /** When the new token expires, in milliseconds since 1970. */
  readonly expiresAt: number;
  /** How long until then, for clients whose clocks are wrong. Absent: the server is older. */
  readonly expiresInMs?: number;
}

/** Reply to a ping. */
export interface PongFrame {
  readonly type: "pong";
  readonly id?: CommandId;
}

/** A refused command (with its id), or the reason why the connection is about to be closed. */
export interface ErrorFrame {
  readonly type: "error";
  readonly id?: CommandId;
  readonly code: ErrorCode | string;
  readonly message: string;
  readonly channel?: string;
}

/** Push: this node is going away; come back after the delay, which differs from client to client. */
export interface ReconnectFrame {
  readonly type: "reconnect";
  readonly delayMs: number;
  readonly reason: string;
}

/** Whatever the server sends besides deliveries and {@link HistoryFrame}s. */
export type ServerFrame =
  | WelcomeFrame
  | SubscribedFrame
  | UnsubscribedFrame
  | PublishedFrame
  | GapFrame
  | PresenceFrame
  | MembersFrame
  | ReceivedFrame
  | RefreshedFrame
  | PongFrame
  | ErrorFrame
  | ReconnectFrame;

/** Version of the native protocol that this code speaks. */
export const NATIVE_PROTOCOL_VERSION = 1;

/** WebSocket subprotocol of the JSON form, which is also what a client without a subprotocol gets. */
export const JSON_SUBPROTOCOL = "carillon.v1.json";

/** WebSocket subprotocol of the msgpack form. */
export const MSGPACK_SUBPROTOCOL = "carillon.v1.msgpack";
