import type { App, AppCounters, AppCounts, DeliveryLag, DurationBuckets } from "@carillon/core";
import type { Gateway } from "@carillon/gateway";
import type { NatsBus } from "@carillon/nats";
import type { MetricsRegistry } from "@carillon/service";
import { version } from "./cli/version.ts";

/** Most apps that have a label of their own; what belongs to the others is told together, as `other`. */
export const MAX_APP_LABELS = 100;

const OTHER = "other";

/** Metrics that tell which version runs. */
export function addBuildMetrics(metrics: MetricsRegistry): void {
  metrics.gauge({
    name: "build_info",
    help: "1, with the version of Carillon that runs as a label.",
    label: "version",
    read: () => new Map([[version(), 1]]),
  });
}

/** Metrics of how long publications take, hop by hop. `publishes` and `delivers` say which hops the process has. */
export function addLagMetrics(
  metrics: MetricsRegistry,
  lag: DeliveryLag,
  { publishes, delivers }: { readonly publishes: boolean; readonly delivers: boolean },
): void {
  const hop = (name: string, help: string, buckets: DurationBuckets) =>
    metrics.histogram({ name, help, boundsSeconds: buckets.boundsSeconds, read: () => buckets });
  if (publishes) {
    hop(
      "publish_ack_seconds",
      "Hop 1: from a publish that was accepted to NATS confirming that it has the event; each event and channel once.",
      lag.acknowledged,
    );
  }
  if (!delivers) return;
  const clocks = "Compares the clocks of two machines, in whole milliseconds; negative ones count as 0.";
  hop(
    "delivery_receive_seconds",
    `Hop 2: from a publish that was accepted to the event's arrival at this gateway; each publication once. ${clocks}`,
    lag.received,
  );
  hop(
    "delivery_fanout_seconds",
    "Hop 3: from the begin of the fan-out on this gateway to its frames being handed to all sockets, which send them in the same turn of the loop; each eighth publication.",
    lag.fannedOut,
  );
  hop(
    "delivery_seconds",
    `All hops: from a publish that was accepted to its frames being handed to the sockets of this gateway; each publication once. ${clocks}`,
    lag.delivered,
  );
}

/** Metrics of the connections of a gateway, besides how many there are. */
export function addConnectionMetrics(metrics: MetricsRegistry, gateway: Gateway): void {
  metrics.gauge({
    name: "connections_limit",
    help: "Most connections that this process takes in.",
    read: () => gateway.maxConnections,
  });
  // Both come from one look at all connections, at the first of the two.
  let backpressure = { bytes: 0, connections: 0 };
  metrics.gauge({
    name: "backpressure_bytes",
    help: "Bytes that wait in this process for clients to take them.",
    read: () => {
      backpressure = gateway.backpressure;
      return backpressure.bytes;
    },
  });
  metrics.gauge({
    name: "backpressured_connections",
    help: "Connections with bytes that wait for their client.",
    read: () => backpressure.connections,
  });
}

/** Metrics of the connection to NATS. */
export function addNatsMetrics(metrics: MetricsRegistry, bus: NatsBus): void {
  metrics.counter({
    name: "bus_disconnects_total",
    help: "Times that the connection to NATS broke.",
    read: () => bus.counters.disconnects,
  });
  metrics.counter({
    name: "bus_reconnects_total",
    help: "Times that the connection to NATS stood again: after a break, or on another server before the old one went.",
    read: () => bus.counters.reconnects,
  });
  metrics.counter({
    name: "bus_permission_refusals_total",
    help: "Publishes and subscriptions that NATS refused for lack of permission.",
    read: () => bus.counters.refusals,
  });
  metrics.gauge({
    name: "bus_wildcards",
    help: "Partitions that this node has a wildcard of: all of those in use with nats.interest partition, those with many channels with auto.",
    read: () => bus.wildcards,
  });
  metrics.counter({
    name: "bus_interest_changes_total",
    help: "Times that a partition changed between subscriptions of its channels and a wildcard (nats.interest auto).",
    read: () => bus.counters.interestChanges,
  });
  metrics.counter({
    name: "bus_unwanted_total",
    help: "Messages that came by a wildcard for channels that nobody here wants, and were dropped.",
    read: () => bus.counters.unwanted,
  });
  metrics.gauge({
    name: "bus_pending_bytes",
    help: "Bytes that were published and that NATS has not confirmed yet.",
    read: () => bus.unconfirmedBytes,
  });
}

/** What {@link addAppMetrics} looks at. */
export interface AppMetricsSource {
  /** The apps as they are configured now. */
  readonly apps: () => readonly App[];
  readonly counts: AppCounts;
  /** null where no connections are held. */
  readonly gateway: Pick<Gateway, "connectionsByApp"> | null;
}

/**
 * Metrics by app. The label's values are ids of the configuration: the first {@link MAX_APP_LABELS} that come by, which keep
 * their label while the process runs, so that no counter ever falls; the others count as `other`.
 */
export function addAppMetrics(metrics: MetricsRegistry, { apps, counts, gateway }: AppMetricsSource): void {
  const labelled = new Set<string>();
  const shown = (values: ReadonlyMap<string, number>): ReadonlyMap<string, number> => {
    for (const { id } of apps()) if (labelled.size < MAX_APP_LABELS) labelled.add(id);
    const result = new Map<string, number>([...labelled].map((id) => [id, 0]));
    for (const [id, value] of values) {
      const label = labelled.has(id) ? id : OTHER;
      result.set(label, (result.get(label) ?? 0) + value);
    }
    return result;
  };
  const countsOf = (name: keyof AppCounters) => () =>
    shown(new Map([...counts.byApp].map(([id, counters]) => [id, counters[name]])));
  metrics.counter({
    name: "app_events_published_total",
    help: `Events accepted for publishing, by app; those beyond ${MAX_APP_LABELS} apps together as other.`,
    label: "app",
    read: countsOf("eventsPublished"),
  });
  if (gateway === null) return;
  metrics.counter({
    name: "app_deliveries_total",
    help: `Deliveries, by app; those beyond ${MAX_APP_LABELS} apps together as other.`,
    label: "app",
    read: countsOf("deliveries"),
  });
  metrics.gauge({
    name: "app_connections",
    help: `Connections that are open, by app; those beyond ${MAX_APP_LABELS} apps together as other.`,
    label: "app",
    read: () => shown(gateway.connectionsByApp),
  });
}
