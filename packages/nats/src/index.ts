export type { NatsBlockSettings } from "./block-store.ts";
export { connectNatsBus } from "./connect.ts";
export type { NatsHistorySettings } from "./history-config.ts";
export type { NatsWebhookSettings } from "./hook-config.ts";
export type {
  JetStreamRefusal,
  JetStreamReport,
  PresentStream,
  StorageReport,
  StreamReport,
  StreamUse,
} from "./jetstream-report.ts";
export type { NatsLog } from "./log.ts";
export type { NatsBus, NatsBusCounters } from "./nats-bus.ts";
export type { NatsAuth, NatsBusOptions, NatsIdempotencySettings, NatsTlsSettings } from "./options.ts";
export { checkNatsAuth } from "./options.ts";
export type { NatsProxyDrains } from "./proxy-drains.ts";
export {
  escapeToken,
  isSubjectPrefix,
  MAX_SUBJECT_BYTES,
  PARTITIONS,
  partitionOf,
  type SubjectKind,
  type SubjectNames,
  SubjectSpace,
  unescapeToken,
} from "./subject.ts";
