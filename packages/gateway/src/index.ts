export { FALLBACK_PATHS, type Fallback, type FallbackSettings } from "./fallback/fallback.ts";
export { Gateway, type GatewayOptions, type GatewaySettings } from "./gateway.ts";
export type { Handshake, Protocol, ProtocolServices } from "./protocol.ts";
export { NATIVE_PATHS, nativeProtocol } from "./protocols/native/native-protocol.ts";
export { PUSHER_PATHS, pusherProtocol } from "./protocols/pusher/pusher-protocol.ts";
