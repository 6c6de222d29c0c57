import { ERROR_CODES, type Refusal } from "@carillon/protocol";
import { type HttpAnswer, problem } from "@carillon/service";

/** The answer to a call that is refused. Those that may be repeated say so. */
export function refusalAnswer({ code, message }: Refusal, retryAfterSeconds = 1): HttpAnswer {
  return problem(code, message, ERROR_CODES[code].isRetryable ? { "retry-after": String(retryAfterSeconds) } : {});
}
