export type { AnyChannels, ChannelMap, ChannelNameOf, ChannelSchemas, EventsOf, HeardBy } from "@carillon/protocol";
export type { AnyEventListener, AnyEvents, EventListener, Published, PublishOptions } from "./channel.ts";
export { Channel } from "./channel.ts";
export type { ChannelLifecycle, ChannelState, EventMeta, Gap } from "./channel-state.ts";
export type { ClientErrorCode } from "./errors.ts";
export { CarillonError } from "./errors.ts";
export type { HistoryEvent, HistoryOptions, HistoryPage, PastEvent } from "./history.ts";
export type {
  ChannelAuthorization,
  ChannelAuthorizer,
  ConnectionTokenSource,
  PayloadCheck,
  RealtimeClientOptions,
} from "./options.ts";
export type { Member, PresenceEvents } from "./presence.ts";
export { Presence } from "./presence.ts";
export type { ClientEvents, Hold } from "./realtime-client.ts";
export { RealtimeClient } from "./realtime-client.ts";
export type { ConnectionState, DisconnectReason } from "./state.ts";
export type { TransportName } from "./transport.ts";
export type { SubscribeOptions } from "./wanted.ts";
export type { WebSocketConstructor, WebSocketLike, WireFormat } from "./websocket-transport.ts";
