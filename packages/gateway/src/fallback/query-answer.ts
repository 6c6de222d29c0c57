import { ERROR_CODES, type ErrorCode } from "@carillon/protocol";

/** How the frames begin that may answer a subscribe. */
const ANSWERS = ['{"type":"subscribed"', '{"type":"error"'] as const;

interface Answer {
  readonly code?: ErrorCode;
  readonly errors?: readonly { readonly code: ErrorCode }[];
}

/** Whether a frame answers a subscribe so that another one may do better later; null: it answers none. */
export function isWorthAnotherTry(frame: string): boolean | null {
  if (!ANSWERS.some((beginning) => frame.startsWith(beginning))) return null;
  const { code, errors = [] } = JSON.parse(frame) as Answer;
  const codes = code === undefined ? errors.map((each) => each.code) : [code];
  return codes.some((each) => ERROR_CODES[each]?.isRetryable === true);
}
