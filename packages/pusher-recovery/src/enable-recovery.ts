import { ClientRecovery } from "./client-recovery.ts";
import type { PusherLike } from "./pusher-like.ts";
import type { RecoveryFailure } from "./recovery-failure.ts";

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

const enabled = new WeakMap<object, RecoveryState>();

/**
 * Lets a pusher-js client recover: events that it missed while it was away arrive after a reconnect, in order, once, at the handlers
 * that are bound for them. Where that can't be proven, the channel emits `carillon:recovery_failed` with `{reason}`.
 *
 * Call it right behind `new Pusher(…)`: on a connection that has subscriptions already it can't take effect, only on the next one.
 * Calling it again does nothing. On servers other than Carillon all it does is to send one `pusher:ping` more for each connection.
 *
 * @example
 * const pusher = new Pusher("app-key", { cluster: "any", wsHost: "realtime.example.com" });
 * enableRecovery(pusher, { onFailure: ({ channel }) => reloadState(channel) });
 */
export function enableRecovery(pusher: PusherLike, { onFailure }: RecoveryOptions = {}): RecoveryState {
  const before = enabled.get(pusher);
  if (before !== undefined) return before;
  const recovery = new ClientRecovery(pusher, onFailure ?? (() => undefined));
  enabled.set(pusher, recovery);
  return recovery;
}
