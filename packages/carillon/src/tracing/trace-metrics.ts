import type { MetricsRegistry } from "@carillon/service";
import type { Tracing } from "./tracing.ts";

/** Metrics of a process that traces. */
export function addTraceMetrics(metrics: MetricsRegistry, tracing: Tracing): void {
  metrics.counter({
    name: "trace_spans_total",
    help: "Spans by what became of them: exported to the collector, failed there, or dropped because too many waited for it.",
    label: "outcome",
    read: () => new Map(Object.entries(tracing.counters)),
  });
}
