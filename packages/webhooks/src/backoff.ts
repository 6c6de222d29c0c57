/** How attempts follow each other. */
export interface RetryRules {
  /** Until the second attempt, in ms; doubles with each one after that. */
  readonly firstMs: number;
  /** The most that is waited, in ms. */
  readonly maxMs: number;
  /** How long after it was queued an event that was never taken is given up, in ms. It is always tried once. */
  readonly horizonMs: number;
}

/**
 * How long to wait after attempt number `attempt` (1 is the first) failed, in ms. `random` in [0, 1) takes away up to half of
 * it, so that what failed together doesn't come back together.
 */
export function retryDelayMs({ firstMs, maxMs }: RetryRules, attempt: number, random: number): number {
  const doubled = firstMs * 2 ** Math.min(attempt - 1, 30);
  return Math.round(Math.min(doubled, maxMs) * (1 - random / 2));
}
