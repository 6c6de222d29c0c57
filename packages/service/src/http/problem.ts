import { ERROR_CODES, type ErrorCode } from "@carillon/protocol";
import type { HttpAnswer } from "./http-types.ts";

/** Media type of problem JSON (RFC 9457). */
export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** The members of a problem: what RFC 9457 asks for, and `code` for programs. */
export interface Problem {
  /** `urn:carillon:error:` and the code. */
  readonly type: string;
  /** The same for every occurrence of the code. */
  readonly title: string;
  readonly status: number;
  /** What was wrong this time and what to do about it. */
  readonly detail: string;
  readonly code: string;
}

/**
 * The answer to an HTTP call that is refused. Status and title are those of the code's entry in the registry. `detail` goes
 * to the caller as it is: never put a secret or a payload in it.
 */
export function problem(code: ErrorCode, detail: string, extraHeaders?: Readonly<Record<string, string>>): HttpAnswer {
  const { status, title } = ERROR_CODES[code];
  return problemAnswer({ type: `urn:carillon:error:${code}`, title, status, detail, code }, extraHeaders);
}

/** The answer to a plain GET where only WebSockets are served. */
export function upgradeRequired(detail: string): HttpAnswer {
  // RFC 9110: a 426 must name the protocol. Connection isn't ours to write: the server does.
  return problem("upgrade_required", detail, { upgrade: "websocket", "sec-websocket-version": "13" });
}

function problemAnswer(problem: Problem, extraHeaders?: Readonly<Record<string, string>>): HttpAnswer {
  return {
    status: problem.status,
    headers: { "content-type": PROBLEM_MEDIA_TYPE, "cache-control": "no-store", ...extraHeaders },
    body: JSON.stringify(problem),
  };
}
