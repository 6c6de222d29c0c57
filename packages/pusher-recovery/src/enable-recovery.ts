import type { PusherEvent, PusherLike } from "./pusher-like.ts";

/** What a channel emits when events may have been missed on it, with `{reason}`. */
export const RECOVERY_FAILED = "carillon:recovery_failed";

/**
 * Why it can't be proven that nothing was missed.
 * - `too_old`: what was missed is kept no more, or is too much.
 * - `epoch_changed`: the server's store of histories began anew.
 * - `unavailable`: the store could not be asked, now or when the client was here last.
 * - `no_history`: the channel keeps none.
 * - `malformed`: the server didn't understand the position.
 * - `lost`: events were lost on the server while the client was connected.
 * - `unsupported`: this server knows nothing of recovery, though the one before did.
 */
export type RecoveryReason =
  | "too_old"
  | "epoch_changed"
  | "unavailable"
  | "no_history"
  | "malformed"
  | "lost"
  | "unsupported";

/** Events of this channel may have been missed: the application has to load its state anew. */
export interface RecoveryFailure {
  readonly channel: string;
  readonly reason: RecoveryReason;
}

/** How to hear of failures, besides the event of each channel. */
export interface RecoveryOptions {
  /** Called for each channel on which events may have been missed, after `pusher:subscription_succeeded` and before later events. */
  readonly onFailure?: (failure: RecoveryFailure) => void;
}

/** What the plugin knows of the server. */
export interface RecoveryState {
  /**
   * True when the server of the last connection recovers. False before the first answer, and on servers that know nothing of it:
   * there everything is as without the plugin, so an application that reloads its state after a reconnect still has to.
   */
  readonly isActive: boolean;
}

/** Where a channel stands. */
interface Place {
  /** undefined: the server could not say. */
  readonly position: string | undefined;
  /** Of the connection on which it said so. */
  readonly socketId: string;
}

/** What a server adds to a frame, beside what pusher-js reads of it. */
interface Told {
  readonly recovered?: boolean;
  readonly reason?: RecoveryReason;
}

// Always the last member of a frame, and nothing that an application sends can look like it.
const POSITION = /,"position":"([\w:-]+)"\}$/;
const LONGEST_POSITION = 90;

const enabled = new WeakMap<object, RecoveryState>();

/**
 * Lets a pusher-js client recover: events that it missed while it was away arrive after a reconnect, in order, once, at the handlers
 * that are bound for them. Where that can't be proven, the channel emits `carillon:recovery_failed` with `{reason}`.
 *
 * Call it right behind `new Pusher(…)`: it takes effect with the next connection that has no subscription yet. Calling it again
 * does nothing. On servers other than Carillon all it does is to send one `pusher:ping` more for each connection.
 *
 * @example
 * const pusher = new Pusher("app-key", { cluster: "any", wsHost: "realtime.example.com" });
 * enableRecovery(pusher, { onFailure: ({ channel }) => reloadState(channel) });
 */
export function enableRecovery(pusher: PusherLike, { onFailure }: RecoveryOptions = {}): RecoveryState {
  const before = enabled.get(pusher);
  if (before !== undefined) return before;

  const { connection } = pusher;
  const send = pusher.send_event.bind(pusher);
  // By channel object: one that is unsubscribed and subscribed again is another one, and begins anew.
  const places = new WeakMap<object, Place>();
  let isActive = false;
  let asked: object | null = null;
  let text = "";
  let reason: RecoveryReason | undefined;

  /** Asks each connection, before anything else is sent on it. */
  const ask = (): void => {
    const link = connection.connection;
    if (!link || link === asked) return;
    asked = link;
    isActive = false;
    // pusher-js hands on only what it knows of a frame. Whoever listens to everything hears it before pusher-js itself.
    link.transport.bind_global((name: string, message: { readonly data: unknown }) => {
      if (name === "message") text = String(message.data);
    });
    send("pusher:ping", { recovery: 1 });
  };

  /** Why a channel whose subscription has just been answered may have missed something; undefined when it hasn't. */
  const failureOf = (place: Place | undefined, position: string | undefined): RecoveryReason | undefined => {
    // A first subscribe, or one that was sent twice.
    if (!place || place.socketId === connection.socket_id) return undefined;
    if (!isActive) return "unsupported";
    const told = JSON.parse(text) as Told;
    return told.recovered ? undefined : (told.reason ?? (position ? "unavailable" : "no_history"));
  };

  pusher.send_event = (event, data, channelName) => {
    ask();
    if (event !== "pusher:subscribe") return send(event, data, channelName);
    const { channel: name } = data as { readonly channel: string };
    const channel = pusher.channel(name);
    const { position, socketId } = (channel && places.get(channel)) || ({} as Partial<Place>);
    return send(event, position ? { ...(data as object), recover: { position, socket_id: socketId } } : data);
  };

  // Before the handlers of the application: one that throws has had its event all the same.
  connection.bind_global((name: string, frame: PusherEvent) => {
    if (name !== "message") return;
    const { event, channel: channelName, data } = frame;
    reason = undefined;
    if (event === "pusher:pong" && (data as { recovery?: unknown } | undefined)?.recovery === 1) isActive = true;
    const channel = channelName && pusher.channel(channelName);
    if (!channel) return;
    const position = POSITION.exec(text.slice(-LONGEST_POSITION))?.[1];
    const isAnswer = event === "pusher_internal:subscription_succeeded";
    if (isAnswer) reason = failureOf(places.get(channel), position);
    else if (event === "pusher_internal:events_lost") reason = "lost";
    if (isActive && (isAnswer || reason || position)) places.set(channel, { position, socketId: connection.socket_id });
    else if (isAnswer) places.delete(channel);
  });

  // And after them: the subscription has succeeded first.
  connection.bind("message", ({ channel: channelName }: PusherEvent) => {
    const channel = channelName && pusher.channel(channelName);
    if (!reason || !channel) return;
    channel.emit(RECOVERY_FAILED, { reason });
    onFailure?.({ channel: channelName, reason });
  });

  const state: RecoveryState = {
    get isActive() {
      return isActive;
    },
  };
  enabled.set(pusher, state);
  return state;
}
