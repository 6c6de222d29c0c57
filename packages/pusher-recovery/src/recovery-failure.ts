/**
 * Why it can't be proven that nothing was missed.
 * - `too_old`: what was missed is kept no more, or is too much.
 * - `epoch_changed`: the server's store of histories began anew.
 * - `unavailable`: the store could not be asked, now or when the client was here last.
 * - `no_history`: the channel keeps none.
 * - `malformed`: the server didn't understand the position.
 * - `lost`: events were lost on the server while the client was connected.
 * - `unsupported`: this server or the one before knows nothing of recovery, or the plugin came later than the subscription.
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

/** Where a channel stood, or stands. */
export interface Place {
  /** undefined: the server could not say. */
  readonly position: string | undefined;
  /** Of the connection on which it stood there. */
  readonly socketId: string;
  /** Whether that connection had recovery. */
  readonly isActive: boolean;
}

/** What a server adds to a frame, beside what pusher-js reads of it. */
interface Told {
  readonly recovered?: boolean;
  readonly reason?: RecoveryReason;
}

/** Why a channel may have missed something whose subscription has just been answered by `frame`; undefined when it hasn't. */
export function failureOf(before: Place | undefined, now: Place, frame: string): RecoveryReason | undefined {
  // A first subscribe, or one that was sent twice.
  if (!before || before.socketId === now.socketId) return undefined;
  if (before.isActive && now.isActive) {
    const { recovered, reason } = JSON.parse(frame) as Told;
    return recovered ? undefined : (reason ?? (now.position ? "unavailable" : "no_history"));
  }
  // Where there never was recovery nobody counts on it.
  return before.isActive || now.isActive ? "unsupported" : undefined;
}
