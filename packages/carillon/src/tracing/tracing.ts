import type { DeliveryTracer, PublishTracer } from "@carillon/core";
import type { ConfigRole, Logger, TracingConfig } from "@carillon/service";

/** What became of the spans of a process. Only ever grow. */
export interface TraceCounters {
  /** The collector has them. */
  readonly exported: number;
  /** The collector did not take them. */
  readonly failed: number;
  /** Never sent: too many waited for the collector. */
  readonly dropped: number;
}

/** How a process traces. */
export interface Tracing {
  readonly tracer: PublishTracer & DeliveryTracer;
  readonly counters: TraceCounters;
  /** Hands over what waits, as far as the collector takes it within two seconds. Never rejects. */
  close(): Promise<void>;
}

/** What is traced, and as whose doing. */
export interface TracingOptions {
  readonly config: TracingConfig;
  readonly role: ConfigRole;
  /** Names the process among those of its role. */
  readonly nodeId: string;
  readonly log: Logger;
}
