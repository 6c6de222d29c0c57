import { formatPosition } from "@carillon/core";
import { ERROR_CODES, type Refusal } from "@carillon/protocol";
import { type HttpAnswer, problem } from "@carillon/service";
import type { SendOutcome } from "./event-sender.ts";

/** How a caller wants to be told: `Prefer: return=representation` asks for the ids and channels of what was accepted. */
export interface AnswerForm {
  readonly isDetailed: boolean;
  /** True: `results`, one for each event in order, even for a batch of one. */
  readonly isBatch: boolean;
}

const PREFERS_REPRESENTATION = /(?:^|,)\s*return\s*=\s*"?representation"?\s*(?:[;,]|$)/i;
const RETRY_SOON = Object.freeze({ "retry-after": "1" });
const NO_CONTENT: HttpAnswer = Object.freeze({ status: 204 });
const DETAILED_HEADERS = Object.freeze({
  "content-type": "application/json",
  "cache-control": "no-store",
  "preference-applied": "return=representation",
});

/** True when a Prefer header asks for a representation (RFC 7240). */
export function prefersRepresentation(prefer: string): boolean {
  return prefer !== "" && PREFERS_REPRESENTATION.test(prefer);
}

/**
 * The answer to a publish that reached the bus: 204 or 200 when all of it was accepted, otherwise a problem (503 where a retry
 * can help). One that carries `results` was accepted in part, and tells by position which channels have what; without them nothing was accepted.
 */
export function answerOutcomes(outcomes: readonly SendOutcome[], form: AnswerForm): HttpAnswer {
  const refusal = lastRefusal(outcomes);
  if (refusal !== null) return refusedAnswer(outcomes, refusal);
  if (!form.isDetailed) return NO_CONTENT;
  const results = outcomes.map(describeOutcome);
  return { status: 200, headers: DETAILED_HEADERS, body: JSON.stringify(form.isBatch ? { results } : results[0]) };
}

/** Why something was refused; null when all was accepted. */
export function lastRefusal(outcomes: readonly SendOutcome[]): Refusal | null {
  let refusal: Refusal | null = null;
  for (const outcome of outcomes) refusal = outcome.refusal ?? refusal;
  return refusal;
}

function refusedAnswer(outcomes: readonly SendOutcome[], refusal: Refusal): HttpAnswer {
  const { message, isPartial } = explainRefusal(outcomes, refusal, "with ids");
  const answer = problem(refusal.code, message, ERROR_CODES[refusal.code].isRetryable ? RETRY_SOON : {});
  return isPartial ? withResults(answer, outcomes.map(describeOutcome)) : answer;
}

/** What to tell of a refusal, and whether part of it was accepted. `safely`: what makes a repeat harmless. */
export function explainRefusal(
  outcomes: readonly SendOutcome[],
  refusal: Refusal,
  safely: string,
): { readonly message: string; readonly isPartial: boolean } {
  const isPartial = outcomes.some(({ accepted }) => accepted.length > 0);
  const scope = isPartial ? "only the channels under results have their events" : "nothing was accepted";
  const advice = ERROR_CODES[refusal.code].isRetryable ? `, send it again, ${safely} if nothing may arrive twice` : "";
  return { message: `${refusal.message}: ${scope}${advice}`, isPartial };
}

/** RFC 9457 lets a problem carry further members. */
function withResults(answer: HttpAnswer, results: readonly unknown[]): HttpAnswer {
  const members: unknown = JSON.parse(String(answer.body));
  return { ...answer, body: JSON.stringify(Object.assign({}, members, { results })) };
}

/** What became of an event, as answers tell it. */
export function describeOutcome({
  id,
  timeMs,
  accepted,
  duplicates,
  positions,
  refused,
  receipts,
}: SendOutcome): Readonly<Record<string, unknown>> {
  return {
    ...(id === null ? {} : { id }),
    ...(timeMs === null ? {} : { time: timeMs }),
    channels: accepted,
    ...(duplicates.length === 0 ? {} : { duplicates }),
    ...(positions.length === 0 ? {} : { positions: describePositions(positions) }),
    ...(refused.length === 0 ? {} : { refused }),
    ...(receipts === undefined ? {} : { receipts }),
  };
}

/** By channel. Made from entries, so that a channel called `__proto__` is one like any other. */
function describePositions(positions: SendOutcome["positions"]): Readonly<Record<string, string>> {
  return Object.fromEntries(positions.map(([channel, position]) => [channel, formatPosition(position)]));
}
