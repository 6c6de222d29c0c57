/** What a node counts about histories. Counters only ever grow. */
export interface HistoryCounters {
  /** Reads of the store. */
  reads: number;
  /** Reads that failed. */
  readFailures: number;
  /** Times that something was missing on a channel and was brought from the store before anything later was delivered. */
  repairs: number;
  /** Times that the clients of a channel were told that something is lost. */
  gaps: number;
  /** Publications that were dropped because their app had too many bytes. */
  trimmed: number;
  /** Subscribes that wanted to recover, by outcome: `recovered`, or the reason why not. */
  readonly recoveries: Map<string, number>;
}

/** A set of counters at zero. One for each node. */
export function createHistoryCounters(): HistoryCounters {
  return { reads: 0, readFailures: 0, repairs: 0, gaps: 0, trimmed: 0, recoveries: new Map() };
}
