import { STATUS_CODES } from "node:http";
import type { HttpAnswer, StreamedAnswer } from "./http-types.ts";
import type { UwsResponse } from "./uws.ts";
import { wireData, wireText } from "./wire-text.ts";

/** What would end a header early and let a value write headers or answers of its own. */
const HEADER_BREAKING = /[\r\n\0]/;

/** How one answer is written. */
export interface AnswerMode {
  /** The request was a HEAD: everything but the body. */
  readonly isHead: boolean;
  /** The connection closes behind the answer, whatever the answer says. */
  readonly closesConnection: boolean;
}

/**
 * Checks what a handler made before the first byte of it is written: once an answer has begun, nothing can turn it into a
 * 500 any more.
 *
 * @throws TypeError naming what is wrong.
 */
export function checkAnswer(answer: HttpAnswer | StreamedAnswer): void {
  const { status, headers } = answer;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(`A handler answered with status ${status}; it must be a whole number from 200 to 599.`);
  }
  if (headers === undefined) return;
  for (const name of Object.keys(headers)) {
    if (HEADER_BREAKING.test(name) || HEADER_BREAKING.test(headers[name] ?? "")) {
      throw new TypeError("A handler answered with a line break in a header.");
    }
  }
}

/** Writes a checked answer. Call it corked: then it leaves in one write. `response` is used up by it. */
export function writeAnswer(response: UwsResponse, answer: HttpAnswer, mode: AnswerMode): void {
  const { body, status } = answer;
  writeHead(response, answer);
  const closes = mode.closesConnection || answer.closesConnection === true;
  if (mode.isHead) writeHeadEnd(response, answer, closes);
  else if (status === 204 || status === 304) writeBodilessEnd(response, closes);
  else response.end(body === undefined ? body : wireData(body), closes);
}

/** Writes status and headers of a checked answer; a body or an end must follow in the same turn. */
export function writeHead(response: UwsResponse, { status, headers }: HttpAnswer | StreamedAnswer): void {
  if (status !== 200) response.writeStatus(statusLine(status));
  if (headers === undefined) return;
  for (const name of Object.keys(headers)) response.writeHeader(name, wireText(headers[name] ?? ""));
}

/**
 * A HEAD tells the length of the body that a GET would bring. The length is written by hand, because
 * `endWithoutBody(length)` aborts the process on the pinned Node 20 binary; closing is left to the client then.
 */
function writeHeadEnd(response: UwsResponse, answer: HttpAnswer, closes: boolean): void {
  const length = answer.body === undefined ? 0 : Buffer.byteLength(answer.body);
  if (closes) response.writeHeader("connection", "close");
  if (answer.status !== 204 && answer.status !== 304) response.writeHeader("content-length", String(length));
  response.endWithoutBody();
}

function writeBodilessEnd(response: UwsResponse, closes: boolean): void {
  if (closes) response.endWithoutBody(0, true);
  else response.endWithoutBody();
}

const statusLines = new Map<number, string>();

/** Number and reason phrase, remembered: there are few and they are asked for with each answer. */
function statusLine(status: number): string {
  let line = statusLines.get(status);
  if (line === undefined) {
    line = `${status} ${STATUS_CODES[status] ?? "Unknown"}`;
    statusLines.set(status, line);
  }
  return line;
}
