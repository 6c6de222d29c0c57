import type { WebhookEventName } from "./webhook-event.ts";

/** What a gateway counts about the events that it tells of. They only ever grow. */
export interface SourceCounters {
  /** Events that were handed to the queue, once for each endpoint, by name. */
  readonly told: Map<WebhookEventName, number>;
  /** Events that were dropped because too many waited for the queue, or the process ended before the queue took them. */
  dropped: number;
  /** Events that were dropped because the queue takes none so large. */
  tooLarge: number;
}

/** Counters that stand at zero. */
export function createSourceCounters(): SourceCounters {
  return { told: new Map(), dropped: 0, tooLarge: 0 };
}
