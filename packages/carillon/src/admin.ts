import type { HistoryCounters } from "@carillon/core";
import { DURATION_BOUNDS_SECONDS, type Publisher } from "@carillon/publisher";
import {
  type AdminConfig,
  type AdminServer,
  createAdminServer,
  createMetricsRegistry,
  type Logger,
  type MetricsRegistry,
} from "@carillon/service";
import type { Parts } from "./parts.ts";

/** What the admin server of a process tells, and where. */
export interface AdminOptions {
  readonly config: AdminConfig;
  readonly role: string;
  readonly log: Logger;
  readonly parts: Parts;
}

/** Makes the admin server of a process: its metrics, its health, and why it is not ready when it isn't. */
export function makeAdmin({ config, role, log, parts }: AdminOptions): AdminServer {
  const { counters, gateway, publisher, bus, leaving } = parts;
  const metrics = createMetricsRegistry({
    counters,
    role,
    gauges: {
      isHistoryAvailable: () => isHistoryAvailable(parts),
      isBusConnected: () => bus.status === "connected",
      isDraining: () => leaving.hasBegun,
      ...(gateway === null
        ? {}
        : {
            connections: () => gateway.connections,
            channels: () => gateway.channels,
            subscriptions: () => gateway.subscriptions,
          }),
    },
  });
  if (gateway !== null) addHistoryMetrics(metrics, gateway.historyCounters);
  if (publisher !== null) addPublisherMetrics(metrics, publisher);
  return createAdminServer({
    ...config,
    metrics,
    log,
    reasonsNotReady: () => reasonsNotReady(parts),
    degradations: () => degradations(parts),
  });
}

function degradations(parts: Parts): string[] {
  // Not a reason to be taken out of service: no other process reaches the store either, and the other channels go on.
  return isHistoryAvailable(parts)
    ? []
    : ["the store of histories is away: channels with a history can't be published on"];
}

/** Where no channel keeps a history, nobody has to look after the store. */
function isHistoryAvailable({ history, rules }: Parts): boolean {
  return !rules.hasHistory || history.isAvailable;
}

function reasonsNotReady({ bus, gateway, leaving }: Parts): string[] {
  const reasons: string[] = [];
  if (leaving.hasBegun) reasons.push("the process is shutting down");
  if (bus.status !== "connected") reasons.push("the bus is not connected");
  if (gateway?.hasRoom === false) reasons.push("the process holds as many connections as it may");
  return reasons;
}

function addHistoryMetrics(metrics: MetricsRegistry, counters: HistoryCounters): void {
  metrics.counter({
    name: "recoveries_total",
    help: "Subscribes that wanted to recover: recovered, or why not.",
    label: "outcome",
    read: () => counters.recoveries,
  });
  metrics.counter({
    name: "history_reads_total",
    help: "Reads of the store of histories.",
    label: "outcome",
    read: () =>
      new Map([
        ["answered", counters.reads - counters.readFailures],
        ["failed", counters.readFailures],
      ]),
  });
  metrics.counter({
    name: "history_gaps_total",
    help: "Times that events were missing on a channel: repaired before anything later was delivered, or lost, which its clients were told.",
    label: "outcome",
    read: () =>
      new Map([
        ["repaired", counters.repairs],
        ["lost", counters.gaps],
      ]),
  });
}

function addPublisherMetrics(metrics: MetricsRegistry, publisher: Publisher): void {
  const { counters } = publisher;
  metrics.counter({
    name: "publish_requests_total",
    help: "Calls of the publish API, by HTTP status.",
    label: "status",
    read: () => counters.answers,
  });
  metrics.histogram({
    name: "publish_request_seconds",
    help: "Time from a call of the publish API to its answer.",
    boundsSeconds: DURATION_BOUNDS_SECONDS,
    read: () => ({ counts: counters.durations, sumSeconds: counters.durationSumSeconds }),
  });
  metrics.gauge({
    name: "publish_requests_in_flight",
    help: "Calls of the publish API that are being handled.",
    read: () => counters.inFlight,
  });
}
