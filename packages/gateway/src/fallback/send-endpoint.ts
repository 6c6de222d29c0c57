import { countBy } from "@carillon/core";
import { refuse } from "@carillon/protocol";
import type { HttpAnswer, HttpRequest } from "@carillon/service";
import { refusalAnswer } from "./fallback-answer.ts";
import type { FallbackHost } from "./fallback-host.ts";
import { seqOf } from "./fallback-query.ts";

/** Headers that the endpoint reads. */
export const SEND_HEADERS = ["origin", "content-type"] as const;

/** A simple request of a browser has the first; the others are for programs. */
const MEDIA_TYPES: readonly string[] = ["text/plain", "application/json", ""];

const NO_SESSION = refuse("missing_field", `"session" is missing: the id that GET /sse or GET /poll told`);
const MEDIA_TYPE = refuse("unsupported_media_type", "send the commands as text/plain or application/json");

/** `POST /send`: brings commands to a session. */
export class SendEndpoint {
  readonly #host: FallbackHost;

  constructor(host: FallbackHost) {
    this.#host = host;
  }

  /** Answers one call. */
  async answer(request: HttpRequest): Promise<HttpAnswer> {
    const query = new URLSearchParams(request.query);
    const sessionId = query.get("session");
    const mediaType = request.header("content-type").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    const body = await request.body(this.#host.maxBodyBytes());
    if (body.kind === "aborted") return { status: 204 };
    if (body.kind === "too_large") {
      return refusalAnswer(refuse("message_too_large", `a call may have ${body.limitBytes} bytes: make several`));
    }
    if (sessionId === null) return refusalAnswer(NO_SESSION);
    if (!MEDIA_TYPES.includes(mediaType)) return refusalAnswer(MEDIA_TYPE);
    const seq = seqOf(query);
    if (!seq.ok) return refusalAnswer(seq);
    countBy(this.#host.calls, "send");
    const sent = await this.#host.sessionsOf(sessionId).send({
      sessionId,
      origin: request.header("origin"),
      body: body.bytes,
      seq: seq.value,
      isLast: query.get("close") === "1",
    });
    if (sent.ok) return { status: 204 };
    if (sent.code === "session_gone") countBy(this.#host.calls, "session_gone");
    return refusalAnswer(sent);
  }
}
