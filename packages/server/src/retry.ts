import type { CarillonError } from "./carillon-error.ts";

/** What is known when a call has failed. */
export interface FailedAttempt {
  readonly error: CarillonError;
  /** True when the call may have had its effect already and may be made again all the same. */
  readonly isRepeatable: boolean;
  /** How many repeats there were. */
  readonly retries: number;
  readonly maxRetries: number;
  readonly remainingMs: number;
  /** 0 up to 1. */
  readonly random: () => number;
}

const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 5000;

/** These are told before anything is done, so every call may be made again after them. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(["rate_limited", "draining"]);

/**
 * How long to wait before the next attempt, in ms: what the answer asks for, and a random part of a bound that doubles
 * each time. Null when there should be none, also when it would come too late.
 */
export function retryDelayMs(attempt: FailedAttempt): number | null {
  const { error, isRepeatable, retries, maxRetries, remainingMs, random } = attempt;
  if (!error.isRetryable || retries >= maxRetries) return null;
  if (!isRepeatable && !WITHOUT_EFFECT.has(error.code)) return null;
  const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** retries, MAX_BACKOFF_MS) * random();
  const delayMs = (error.retryAfterMs ?? 0) + backoffMs;
  return delayMs < remainingMs ? delayMs : null;
}
