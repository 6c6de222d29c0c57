import { ERROR_CODES, type Refusal } from "@carillon/protocol";
import { type HttpAnswer, problem } from "@carillon/service";

const RETRY_AFTER = { "retry-after": "1" } as const;

/** The answer to a call that is refused. Those that may be repeated say so. */
export function refusalAnswer({ code, message }: Refusal): HttpAnswer {
  return problem(code, message, ERROR_CODES[code].isRetryable ? RETRY_AFTER : {});
}
