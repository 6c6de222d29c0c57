export type { Capabilities, CapabilityVerb } from "./capability.ts";
export { allows, CAPABILITY_VERBS, MAX_CAPABILITY_PATTERNS, matchesPattern, parseCapabilities } from "./capability.ts";
export type { ChannelKind } from "./channel-name.ts";
export {
  CHANNEL_NAME_RULE,
  channelKind,
  isCacheChannel,
  isChannelName,
  isPublishableChannel,
  isServerChannel,
  MAX_CHANNEL_NAME_LENGTH,
  userChannelOf,
  userOfChannel,
} from "./channel-name.ts";
export type {
  AnyChannels,
  ChannelMap,
  ChannelNameOf,
  ChannelSchemas,
  EventNameOf,
  EventOf,
  EventsOf,
  HeardBy,
  PatternOf,
  PayloadOf,
  PublishablePayloadOf,
  PublishedBy,
} from "./channel-types.ts";
export type { CloseCodeName, ErrorCode, ErrorCodeInfo } from "./codes.ts";
export { CLOSE_CODES, ERROR_CODES } from "./codes.ts";
export type { Envelope } from "./envelope.ts";
export {
  decodeEnvelope,
  encodeEnvelope,
  envelopeExclude,
  envelopeTimeMs,
  MAX_EXCLUDE_BYTES,
  MAX_MESSAGE_ID_BYTES,
} from "./envelope.ts";
export { EVENT_NAME_RULE, isClientEventName, isEventName, MAX_EVENT_NAME_LENGTH } from "./event-name.ts";
export * as jsonBytes from "./json-bytes.ts";
export { JsonScan, NO_VALUE } from "./json-scan.ts";
export type { JsonSpan } from "./json-span.ts";
export { elementSpans, memberSpan, memberText } from "./json-span.ts";
export type {
  Command,
  CommandId,
  HistoryCommand,
  PingCommand,
  PresenceCommand,
  PublishCommand,
  ReceivedCommand,
  RefreshCommand,
  SubscribeCommand,
  SubscribeTarget,
  UnsubscribeCommand,
} from "./native/commands.ts";
export type {
  ErrorFrame,
  FailedChannel,
  GapFrame,
  HistoryFrame,
  HistoryItem,
  MemberItem,
  MembersFrame,
  PongFrame,
  PresenceFrame,
  PresenceReport,
  PublishedFrame,
  ReconnectFrame,
  RecoveryReason,
  RefreshedFrame,
  ServerFrame,
  SubscribedFrame,
  SubscribedHistory,
  UnsubscribedFrame,
  WelcomeFrame,
} from "./native/frames.ts";
export { JSON_SUBPROTOCOL, MSGPACK_SUBPROTOCOL, NATIVE_PROTOCOL_VERSION } from "./native/frames.ts";
export {
  decodeJsonCommand,
  encodeJsonFrame,
  encodeJsonGap,
  encodeJsonHistory,
  encodeJsonPublication,
} from "./native/json-codec.ts";
export type { CommandRefusal, CommandResult } from "./native/read-command.ts";
export { MAX_CHANNELS_PER_COMMAND, MAX_HISTORY_LIMIT, MAX_TOKEN_LENGTH } from "./native/read-command.ts";
export { payloadText } from "./payload-text.ts";
export { receiptOf } from "./receipt.ts";
export type { ReconnectRule } from "./reconnect-rule.ts";
export { reconnectRule } from "./reconnect-rule.ts";
export type { Accepted, Refusal, Result } from "./refusal.ts";
export { accept, refuse } from "./refusal.ts";
export { isSenderId, SENDER_ID_RULE } from "./sender-id.ts";
export {
  API_TOKEN_TYPE,
  channelStringToSign,
  MAX_API_TOKEN_SECONDS,
  splitChannelToken,
  splitTokenData,
  userStringToSign,
} from "./signing.ts";
export { isUserId, MAX_USER_ID_LENGTH, MAX_USER_INFO_BYTES, userInfoIn, userInfoText } from "./user.ts";
