export type {
  AnyChannels,
  Capabilities,
  CapabilityVerb,
  ChannelMap,
  ChannelNameOf,
  ChannelSchemas,
  ErrorCode,
  EventNameOf,
  EventOf,
  EventsOf,
  HeardBy,
  PayloadOf,
  PublishablePayloadOf,
  PublishedBy,
} from "@carillon/protocol";
export type { Block, BlockOptions, Blocks, BlockTarget, NewBlock, Unblocked } from "./blocks.ts";
export type { CarillonErrorCode, PartialResult } from "./carillon-error.ts";
export { CarillonError } from "./carillon-error.ts";
export type { CarillonServerConstructor } from "./carillon-server.ts";
export { CarillonServer } from "./carillon-server.ts";
export type { Member, UserAuth, UserData } from "./channel-token.ts";
export type {
  ChannelInfo,
  ChannelMember,
  ChannelQueries,
  ChannelQuery,
  ChannelState,
  HistoryPage,
  HistoryQuery,
  MemberPage,
  Publication,
} from "./channels.ts";
export type { ConnectionTokenOptions } from "./connection-token.ts";
export type { Connections, ConnectionTarget, Disconnected, UserConnections } from "./connections.ts";
export type { CallOptions } from "./http-transport.ts";
export type { CarillonServerOptions, Fetch } from "./options.ts";
export type { Page, PageQuery } from "./paging.ts";
export type { BatchEvent, EventOptions, Receipts, TriggerOptions, TriggerResult } from "./publishing.ts";
export type {
  ChannelAuth,
  PresenceChannelData,
  PusherApi,
  PusherBatchEvent,
  PusherGet,
  PusherPost,
  PusherTriggerParameters,
} from "./pusher/pusher-api.ts";
export type { PusherParameters, PusherRequestToSign } from "./pusher/pusher-signature.ts";
export type { PusherToken, PusherWebhook, PusherWebhookData, PusherWebhookRequest } from "./pusher/pusher-webhook.ts";
export type { Webhook, WebhookEvent, WebhookHeaders, WebhookOptions, Webhooks } from "./webhooks.ts";
