import type { Tracing, TracingOptions } from "./tracing.ts";

/**
 * Begins to trace, where the configuration wants it; null where it doesn't. OpenTelemetry is loaded here, so that a process without
 * traces has nothing of it. Webhook workers have nothing to trace.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing | null> {
  if (!options.config.enabled || options.role === "webhooks") return null;
  const { OtelTracing } = await import("./otel-tracing.ts");
  return new OtelTracing(options);
}
