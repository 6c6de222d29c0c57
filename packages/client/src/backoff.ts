/** Between which bounds reconnects are spread, in ms. */
export interface BackoffOptions {
  /** Upper bound of the first delay. Doubles with each further attempt. */
  readonly minMs: number;
  /** Upper bound of all delays. */
  readonly maxMs: number;
}

/** Never at once: a server that refuses everybody must not be asked in a loop. */
const LEAST_MS = 50;

/**
 * A delay with full jitter: evenly spread up to a bound that doubles with each attempt, so that the clients of a node that
 * died don't return as one wave. `attempt`: 0 for the first.
 */
export function backoffMs({ minMs, maxMs }: BackoffOptions, attempt: number): number {
  const boundMs = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
  return Math.max(Math.min(LEAST_MS, boundMs), Math.random() * boundMs);
}
