import { ERROR_CODES, type Refusal } from "@carillon/protocol";
import type { HttpAnswer } from "@carillon/service";

const HEADERS = Object.freeze({ "content-type": "application/json", "cache-control": "no-store" });

/** Says whether every gateway has answered; Pusher's bodies have no room for it. */
const COMPLETE_HEADER = "x-carillon-complete";

/** An answer of the API; SDKs parse its body, so it is an object in any case. */
export function answerWith(body: object, status = 200): HttpAnswer {
  return { status, headers: HEADERS, body: JSON.stringify(body) };
}

/** An answer about the cluster. `isComplete` is false when a gateway did not answer in time. */
export function answerAbout(body: object, isComplete: boolean): HttpAnswer {
  return { status: 200, headers: { ...HEADERS, [COMPLETE_HEADER]: String(isComplete) }, body: JSON.stringify(body) };
}

/**
 * A refusal in the form of Pusher's API: `{"error": TEXT}`, with the status of the code. Where a retry can help it says when.
 * `more`: further members of the body.
 */
export function answerRefusal({ code, message }: Refusal, more: object = {}, retryAfter = "1"): HttpAnswer {
  const { status, isRetryable } = ERROR_CODES[code];
  const retry = isRetryable ? { "retry-after": retryAfter } : {};
  return { status, headers: { ...HEADERS, ...retry }, body: JSON.stringify({ error: message, ...more }) };
}
