import type { AppCounts } from "./app-counters.ts";
import type { DeliveryLag } from "./delivery-lag.ts";
import type { NodeCounters } from "./ports/metrics.ts";

/** What a process counts and measures its events with. */
export interface Instruments {
  readonly counters: NodeCounters;
  /** Absent: nothing is counted by app. */
  readonly appCounts?: AppCounts;
  /** Measures how long publications take. Absent: nothing is measured. */
  readonly lag?: DeliveryLag;
}
