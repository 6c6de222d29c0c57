import type { SourceCounters } from "@carillon/core";
import { type MetricsRegistry, systemClock } from "@carillon/service";
import { ATTEMPT_BOUNDS_SECONDS, type WebhookWorker } from "@carillon/webhooks";

/** Metrics of a worker that delivers webhooks, and of the queue. */
export function addWebhookMetrics(metrics: MetricsRegistry, worker: WebhookWorker): void {
  const { counters } = worker;
  metrics.counter({
    name: "webhook_requests_total",
    help: "Requests to webhook endpoints, by how they ended.",
    label: "outcome",
    read: () => counters.attempts,
  });
  metrics.counter({
    name: "webhook_events_total",
    help: "Webhook events that an endpoint took, and that were given up.",
    label: "fate",
    read: () =>
      new Map([
        ["delivered", counters.delivered],
        ["dead", counters.dead],
      ]),
  });
  metrics.histogram({
    name: "webhook_request_seconds",
    help: "Time from the begin of a request to a webhook endpoint to its answer, or to the failure.",
    boundsSeconds: ATTEMPT_BOUNDS_SECONDS,
    read: () => ({ counts: counters.durations, sumSeconds: counters.durationSumSeconds }),
  });
  metrics.gauge({
    name: "webhook_queue_events",
    help: "Webhook events that wait or are being delivered, in the whole cluster.",
    read: () => worker.stats.queued,
  });
  metrics.gauge({
    name: "webhook_queue_oldest_age_seconds",
    help: "How long the oldest of them has been waiting; 0 when there is none.",
    read: () => ageSeconds(worker.stats.oldestAtMs),
  });
  metrics.gauge({
    name: "webhook_dead_letters",
    help: "Webhook events that were given up and are kept, in the whole cluster.",
    read: () => worker.stats.dead,
  });
}

function ageSeconds(sinceMs: number | null): number {
  return sinceMs === null ? 0 : Math.max(systemClock.now() - sinceMs, 0) / 1000;
}

/** Metrics of what a gateway has to tell applications. */
export function addWebhookSourceMetrics(
  metrics: MetricsRegistry,
  counters: SourceCounters,
  waiting: () => number,
): void {
  metrics.counter({
    name: "webhook_events_queued_total",
    help: "Events that this gateway has handed to the queue of webhooks, once for each endpoint, by name.",
    label: "event",
    read: () => counters.told,
  });
  metrics.counter({
    name: "webhook_events_dropped_total",
    help: "Events that never reached the queue of webhooks, because too many waited for it, the process ended, or it takes none so large.",
    label: "reason",
    read: () =>
      new Map([
        ["queue_unavailable", counters.dropped],
        ["too_large", counters.tooLarge],
      ]),
  });
  metrics.gauge({
    name: "webhook_events_waiting",
    help: "Events that wait in this gateway for the queue of webhooks.",
    read: waiting,
  });
}
