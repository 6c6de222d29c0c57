export { RECOVERY_FAILED } from "./client-recovery.ts";
export type { RecoveryOptions, RecoveryState } from "./enable-recovery.ts";
export { enableRecovery } from "./enable-recovery.ts";
export type { ChannelLike, ConnectionLike, EmitterLike, PusherLike } from "./pusher-like.ts";
export type { RecoveryFailure, RecoveryReason } from "./recovery-failure.ts";
