/**
 * The commands of the native protocol, version 1: what a client may send. docs/protocol/native.md has the rules by number.
 */

/** Echoed in the reply to a command. The client chooses it; a number or a string of at most 64 characters. */
export type CommandId = string | number;

/** A channel to subscribe to, with the proof that a guarded one wants. */
export interface SubscribeTarget {
  readonly channel: string;
  /** Channel token, `APP_KEY:SIGNATURE`. Not needed where the connection token grants `subscribe`. */
  readonly token?: string;
  /** What the token signs besides the channel, exactly as signed. */
  readonly data?: string;
  /** Position to recover from, as a delivery or a reply had it. Whether it is one is told in the reply. */
  readonly recover?: string;
  /** The id of the client's connection that was told that position: what excludes it is left out of what is recovered. */
  readonly formerId?: string;
  /** How many of the newest publications to begin with, 1 to 1000, or all that are kept. */
  readonly rewind?: number | "beginning";
}

interface CommandBase {
  readonly id?: CommandId;
}

/** Subscribes to one channel, or to many: then the reply says which failed. */
export interface SubscribeCommand extends CommandBase {
  readonly type: "subscribe";
  readonly targets: readonly SubscribeTarget[];
  /** True when the frame had `channels`: the reply then has it too. */
  readonly isMany: boolean;
}

/** Unsubscribes. Channels that are not subscribed are ignored. */
export interface UnsubscribeCommand extends CommandBase {
  readonly type: "unsubscribe";
  readonly channels: readonly string[];
  readonly isMany: boolean;
}

/** Publishes an event. Answered only when it has an id. */
export interface PublishCommand extends CommandBase {
  readonly type: "publish";
  readonly channel: string;
  readonly event: string;
  /** JSON text in UTF-8. */
  readonly payload: Uint8Array;
  /** True: the sender gets it too, if subscribed. */
  readonly isEchoed: boolean;
}

/** Shows a connection token: the first one, or one that replaces it before it expires. */
export interface RefreshCommand extends CommandBase {
  readonly type: "refresh";
  readonly token: string;
}

/** Asks for a sign of life. */
export interface PingCommand extends CommandBase {
  readonly type: "ping";
}

/** Asks for a part of a channel's history. */
export interface HistoryCommand extends CommandBase {
  readonly type: "history";
  readonly channel: string;
  /** Most publications, 1 to 1000. */
  readonly limit: number;
  /** Position after which to begin; absent: at the oldest (`forward`) or the newest (`backward`). */
  readonly since?: string;
  readonly direction: "forward" | "backward";
}

/** Asks who is on a presence channel. */
export interface PresenceCommand extends CommandBase {
  readonly type: "presence";
  readonly channel: string;
  /** Most members in the answer, 1 to 1000. */
  readonly limit: number;
  /** Id after which to begin; absent: at the first. */
  readonly after?: string;
}

/** Says that an event has arrived whose publisher wants to know. */
export interface ReceivedCommand extends CommandBase {
  readonly type: "received";
  readonly channel: string;
  /** As the delivery has it. */
  readonly receipt: string;
}

/** Whatever a client may send, decoded and checked in form; whether it is allowed comes later. */
export type Command =
  | SubscribeCommand
  | UnsubscribeCommand
  | PublishCommand
  | HistoryCommand
  | PresenceCommand
  | ReceivedCommand
  | RefreshCommand
  | PingCommand;
