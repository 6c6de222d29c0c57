export { FALLBACK_PATHS, type Fallback, type FallbackSettings } from "./fallback/fallback.ts";
export { Gateway } from "./gateway.ts";
export type { GatewayOptions, GatewaySettings } from "./gateway-options.ts";
export type { LoadReading, LoadSource, OverloadLimits, OverloadReason } from "./overload.ts";
export type { Handshake, Protocol, ProtocolServices } from "./protocol.ts";
export { NATIVE_PATHS, nativeProtocol } from "./protocols/native/native-protocol.ts";
export { PUSHER_PATHS, pusherProtocol } from "./protocols/pusher/pusher-protocol.ts";
export type { RebalanceSettings } from "./rebalancer.ts";
