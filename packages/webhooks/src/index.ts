export type { RetryRules } from "./backoff.ts";
export type { BatchRules } from "./delivery.ts";
export type { ResolveAll } from "./guarded-lookup.ts";
export { ATTEMPT_BOUNDS_SECONDS, WebhookCounters } from "./webhook-counters.ts";
export { OUTCOMES, type Outcome } from "./webhook-sender.ts";
export { type WebhookSettings, WebhookWorker, type WebhookWorkerOptions } from "./webhook-worker.ts";
