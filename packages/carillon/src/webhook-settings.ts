import type { WebhooksConfig } from "@carillon/service";
import type { WebhookSettings } from "@carillon/webhooks";

/** Turns the section `webhooks` into what a worker wants. */
export function webhookSettings(config: WebhooksConfig): WebhookSettings {
  const { firstMs, maxSeconds, horizonSeconds } = config.retry;
  return {
    batch: config.batch,
    retry: { firstMs, maxMs: maxSeconds * 1000, horizonMs: horizonSeconds * 1000 },
    concurrency: config.concurrency,
    timeoutMs: config.timeoutSeconds * 1000,
    leaseMs: config.leaseSeconds * 1000,
  };
}
