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

/**
 * The answer to a plain GET where only WebSockets are served. 426 isn't in the registry of error codes because no command
 * can meet it: it says that the caller doesn't speak the protocol in which error codes are sent.
 */
export function upgradeRequired(detail: string): HttpAnswer {
  const code = "upgrade_required";
  return problemAnswer(
    { type: `urn:carillon:error:${code}`, title: "This address speaks WebSocket", status: 426, detail, code },
    // RFC 9110: a 426 must name the protocol. Connection isn't ours to write: the server does.
    { upgrade: "websocket", "sec-websocket-version": "13" },
  );
}

function problemAnswer(problem: Problem, extraHeaders?: Readonly<Record<string, string>>): HttpAnswer {
  return {
    status: problem.status,
    headers: { "content-type": PROBLEM_MEDIA_TYPE, "cache-control": "no-store", ...extraHeaders },
    body: JSON.stringify(problem),
  };
}
