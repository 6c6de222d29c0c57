/** Between which bounds the first return and all later ones are spread, in ms: those of Carillon's own client. */
const FIRST_BOUND_MS = 500;
const LONGEST_BOUND_MS = 30_000;
const LEAST_MS = 50;

/** How long a client waits before it comes back, in ms: with full jitter, as Carillon's own client does. `attempt`: 0 for the first. */
export function backoffMs(attempt: number): number {
  const boundMs = Math.min(LONGEST_BOUND_MS, FIRST_BOUND_MS * 2 ** Math.min(attempt, 30));
  return Math.max(LEAST_MS, Math.random() * boundMs);
}
