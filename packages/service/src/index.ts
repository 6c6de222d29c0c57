export { mintApiToken } from "./auth/api-token.ts";
export type { AuthorizerOptions } from "./auth/authorizer.ts";
export { createAuthorizer } from "./auth/authorizer.ts";
export type { ChannelToSign } from "./auth/channel-signature.ts";
export { signChannel, signUser } from "./auth/channel-signature.ts";
export type { ConfiguredAppsOptions } from "./auth/configured-apps.ts";
export { ConfiguredApps } from "./auth/configured-apps.ts";
export type { ConnectionTokenClaims } from "./auth/connection-token.ts";
export { mintConnectionToken } from "./auth/connection-token.ts";
export type { KeySetFetch } from "./auth/key-sets.ts";
export { isOriginAllowed } from "./auth/origin.ts";
export { changesThatNeedRestart } from "./config/config-changes.ts";
export type { ConfigErrorCode } from "./config/config-error.ts";
export { CONFIG_ERROR_CODES, ConfigError, formatConfigProblem } from "./config/config-error.ts";
export type {
  AdminConfig,
  AdmissionConfig,
  Config,
  ConfigProblem,
  ConfigRole,
  ConfiguredChannelRule,
  DrainConfig,
  FallbackConfig,
  GatewayConfig,
  IdempotencyConfig,
  LogConfig,
  NatsConfig,
  NatsCredentials,
  NatsHistoryConfig,
  NatsTls,
  NatsWebhooksConfig,
  PublisherConfig,
  RebalanceConfig,
  TracingConfig,
  WebhooksConfig,
} from "./config/config-types.ts";
export { CONFIG_ROLES } from "./config/config-types.ts";
export type { ConfiguredChannelRulesOptions } from "./config/configured-channel-rules.ts";
export { ConfiguredChannelRules, largestLimits } from "./config/configured-channel-rules.ts";
export { DEV_APP } from "./config/dev-app.ts";
export type { Environment } from "./config/environment.ts";
export type { ConfigOverrides, LoadConfigOptions } from "./config/load-config.ts";
export { devConfig, loadConfig } from "./config/load-config.ts";
export type { Setting } from "./config/setting-index.ts";
export { listSettings } from "./config/setting-index.ts";
export type { ConfigWatch, WatchConfigOptions } from "./config/watch-config.ts";
export { watchConfig } from "./config/watch-config.ts";
export type * from "./http/http-types.ts";
export { isIdleWatchable } from "./http/idle-timer.ts";
export { findListenPort, ListenError, PortInUseError } from "./http/listen-error.ts";
export type { Problem } from "./http/problem.ts";
export { PROBLEM_MEDIA_TYPE, problem } from "./http/problem.ts";
export type { UwsBinary } from "./http/uws.ts";
export { DEFAULT_MAX_HEADER_BYTES, describeUwsBinary, UwsUnavailableError } from "./http/uws.ts";
export type { UwsBinaryCheck } from "./http/uws-binary.ts";
export { checkUwsBinary } from "./http/uws-binary.ts";
export type { UwsManifest } from "./http/uws-manifest.ts";
export { UWS_MANIFEST } from "./http/uws-manifest.ts";
export type { PublicServerOptions } from "./http/uws-server.ts";
export { createPublicServer } from "./http/uws-server.ts";
export { isAddress, isPublicAddress } from "./net/public-address.ts";
export type { AdminServer, AdminServerOptions } from "./process/admin-server.ts";
export { ADMIN_PATHS, createAdminServer } from "./process/admin-server.ts";
export type { LogFields, Logger, LoggerSettings, LogLevel } from "./process/logger.ts";
export { createLogger, createSilentLogger } from "./process/logger.ts";
export type {
  CounterSource,
  GaugeSource,
  HistogramSource,
  LabelledGaugeSource,
  MetricsRegistry,
  MetricsRegistryOptions,
  NodeGauges,
} from "./process/metrics-registry.ts";
export { createMetricsRegistry } from "./process/metrics-registry.ts";
export { openFileLimit } from "./process/open-file-limit.ts";
export { ProcessLoad, type ProcessLoadReading } from "./process/process-load.ts";
export { randomIds } from "./process/random-ids.ts";
export { systemClock } from "./process/system-clock.ts";
export type { OverdueOptions, SignalSource, TerminationOptions, TerminationSignal } from "./process/termination.ts";
export { exitWhenOverdue, onTermination } from "./process/termination.ts";
