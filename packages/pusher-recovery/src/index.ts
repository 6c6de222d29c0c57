export type { RecoveryFailure, RecoveryOptions, RecoveryReason, RecoveryState } from "./enable-recovery.ts";
export { enableRecovery, RECOVERY_FAILED } from "./enable-recovery.ts";
export type { ChannelLike, ConnectionLike, EmitterLike, PusherLike } from "./pusher-like.ts";
