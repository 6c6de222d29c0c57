import type { Result } from "@carillon/protocol";
import { type HttpAnswer, type HttpRequest, problem } from "@carillon/service";
import { parseJsonBody } from "./json-body.ts";
import { checkMediaType } from "./media-type.ts";

/** Bodies that hold a few short texts. */
const MAX_BYTES = 4096;

/** What a body says, or the answer that says what is wrong with it. */
export type SmallBody<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly answer: HttpAnswer };

/** Reads a short JSON body. `holds` says what it is about, for the refusal of a long one. To be called before any await. */
export async function readSmallBody<T>(
  request: HttpRequest,
  holds: string,
  read: (value: unknown) => Result<T>,
): Promise<SmallBody<T>> {
  const admitted = checkMediaType(request.header("content-type"));
  if (!admitted.ok) return { ok: false, answer: problem(admitted.code, admitted.message) };
  const body = await request.body(MAX_BYTES);
  if (body.kind !== "complete") {
    const answer = problem("message_too_large", `the body is larger than ${MAX_BYTES} bytes: it holds ${holds}`);
    return { ok: false, answer: { ...answer, closesConnection: true } };
  }
  const parsed = parseJsonBody(body.bytes);
  const result = parsed.ok ? read(parsed.value) : parsed;
  return result.ok ? result : { ok: false, answer: problem(result.code, result.message) };
}
