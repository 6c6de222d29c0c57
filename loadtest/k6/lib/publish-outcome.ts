/** Publishes that were refused, by reason: the system said no, or nobody was there. */
export const REFUSALS = ["publish_4xx", "publish_429", "publish_5xx", "publish_unreachable"] as const;

/**
 * Publishes of which nothing was heard, by reason: no answer within the timeout, or a connection that ended without one. A generator
 * that is late may be the reason for both.
 */
export const SILENCES = ["publish_timeout", "publish_cut_off"] as const;

/** Names of the counts of publishes that failed. */
export type PublishFailure = (typeof REFUSALS)[number] | (typeof SILENCES)[number];

/** What became of a publish: also the name of its count. */
export type PublishOutcome = "published" | PublishFailure;

// k6's error codes: https://grafana.com/docs/k6/latest/javascript-api/error-codes/
const TIMEOUTS: readonly number[] = [1050, 1211];
const CUT_OFF: readonly number[] = [1000, 1200, 1201, 1220];

/** What an answer says; `status` is 0 where there was none, and `errorCode` is then what k6 says about it. */
export function outcomeOf(status: number, errorCode: number): PublishOutcome {
  if (status === 200 || status === 204) return "published";
  if (status === 429) return "publish_429";
  if (status >= 500) return "publish_5xx";
  // Also an answer that a publish never has, such as a redirect: whoever gave it did not publish.
  if (status > 0) return "publish_4xx";
  if (TIMEOUTS.includes(errorCode)) return "publish_timeout";
  return CUT_OFF.includes(errorCode) ? "publish_cut_off" : "publish_unreachable";
}

/** True where the system said no, or was not there; false where nothing was heard. */
export function isRefusal(failure: PublishFailure): boolean {
  return (REFUSALS as readonly string[]).includes(failure);
}
