import { ERROR_CODES, type ErrorCode } from "@carillon/protocol";

/**
 * What goes wrong on this side, and whether the same call may succeed later. docs/server-sdk.md documents each; a test
 * compares the two.
 */
export const LOCAL_ERROR_CODES = {
  unreachable: { isRetryable: true },
  timeout: { isRetryable: true },
  aborted: { isRetryable: false },
  unexpected_answer: { isRetryable: false },
  invalid_payload: { isRetryable: false },
  invalid_webhook: { isRetryable: false },
  history_gap: { isRetryable: false },
} as const satisfies Record<string, { readonly isRetryable: boolean }>;

/** What went wrong: a code of docs/errors.md that Carillon answered, or one of {@link LOCAL_ERROR_CODES}. */
export type CarillonErrorCode = ErrorCode | keyof typeof LOCAL_ERROR_CODES;

/** What became of one event of a call that was accepted in part. */
export interface PartialResult {
  /** The event's id; null when none of it was accepted and it had none. */
  readonly id: string | null;
  /** Channels that have it. */
  readonly channels: readonly string[];
  /** Channels that can't be known to have it. */
  readonly refused: readonly string[];
}

/** What a {@link CarillonError} tells besides code and message. */
export interface CarillonErrorDetails {
  readonly status?: number;
  readonly isRetryable?: boolean;
  readonly retryAfterMs?: number;
  readonly results?: readonly PartialResult[];
  readonly ids?: readonly string[];
  readonly cause?: unknown;
}

/**
 * What Carillon refused, or what went wrong on the way to it. `message` says what to do; it never has a secret or a
 * payload in it.
 */
export class CarillonError extends Error {
  override readonly name = "CarillonError";
  readonly code: CarillonErrorCode;
  /** HTTP status of the answer; null when there was none. */
  readonly status: number | null;
  /** True when the same call may succeed later without being changed. What was safe to repeat has been repeated already. */
  readonly isRetryable: boolean;
  /** How long to wait before another try, as the answer said; null when it did not. */
  readonly retryAfterMs: number | null;
  /** By event: what was accepted of a call with several channels or events. Empty: nothing can be known to be. */
  readonly results: readonly PartialResult[];
  /** The ids of the events of the call: trigger them again with these, and nobody gets them twice. */
  readonly ids: readonly string[];

  constructor(code: CarillonErrorCode, message: string, details: CarillonErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status ?? null;
    this.isRetryable = details.isRetryable ?? infoOf(code).isRetryable;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.results = details.results ?? [];
    this.ids = details.ids ?? [];
  }

  /** The same with the ids of the events that it is about. */
  withIds(ids: readonly string[]): CarillonError {
    const { code, message, status, isRetryable, retryAfterMs, results, cause } = this;
    return new CarillonError(code, message, {
      ...(status === null ? {} : { status }),
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
      isRetryable,
      results,
      ids,
      cause,
    });
  }
}

/** True for a code of the registry; a newer server may have others. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERROR_CODES, code);
}

function infoOf(code: CarillonErrorCode): { readonly isRetryable: boolean } {
  return isErrorCode(code) ? ERROR_CODES[code] : LOCAL_ERROR_CODES[code];
}
