import { countBy } from "@carillon/core";
import type { Refusal } from "@carillon/protocol";
import type { HttpAnswer, HttpRequest } from "@carillon/service";
import type { Batch } from "./batch.ts";
import { refusalAnswer } from "./fallback-answer.ts";
import type { FallbackHost } from "./fallback-host.ts";
import { placeOf, type SessionPlace, waitOf } from "./fallback-query.ts";
import type { Fetch } from "./fetches.ts";

/** Headers that the endpoint reads. */
export const POLL_HEADERS = ["origin"] as const;

const HEADERS = { "content-type": "application/json", "cache-control": "no-store" } as const;
const COMMA = Buffer.from(",");

/** `GET /poll`: begins a session, or waits for the next frames of one. */
export class PollEndpoint {
  readonly #host: FallbackHost;

  constructor(host: FallbackHost) {
    this.#host = host;
  }

  /** Answers one call. */
  async answer(request: HttpRequest): Promise<HttpAnswer> {
    const query = new URLSearchParams(request.query);
    const place = placeOf(query);
    if (!place.ok) return refusalAnswer(place);
    const wait = waitOf(query);
    if (!wait.ok) return refusalAnswer(wait);
    return place.value === null
      ? this.#begin(request, query, wait.value)
      : this.#fetch(request, place.value, wait.value);
  }

  async #begin(request: HttpRequest, query: URLSearchParams, waitMs: number): Promise<HttpAnswer> {
    const unavailable = this.#host.unavailable();
    // As with all that ends here, the next call shall take a new connection, which may lead elsewhere.
    if (unavailable !== null) {
      return { ...refusalAnswer(unavailable, this.#host.retryAfterSeconds()), closesConnection: true };
    }
    countBy(this.#host.calls, "poll_begun");
    const { begin, connections, nextTicket } = this.#host;
    const connection = begin(request, query, { transport: "poll", position: null });
    // It never learns the session's id.
    request.onAborted(() => connections.discard(connection));
    const polled = connection.poll({ after: 0, waitMs, ticket: nextTicket(), transport: "poll" });
    return polled.ok ? batchAnswer(connection.sessionId, await polled.value) : refusalAnswer(polled);
  }

  async #fetch(request: HttpRequest, { sessionId, after }: SessionPlace, waitMs: number): Promise<HttpAnswer> {
    const { nextTicket, sessionsOf } = this.#host;
    const sessions = sessionsOf(sessionId);
    const ticket = nextTicket();
    countBy(this.#host.calls, "poll");
    const end = () => sessions.abandon(sessionId, ticket);
    request.onAborted(end);
    const fetch: Fetch = {
      // Asked for once in the life of a proxy, where a poll comes each second.
      get peerAddress() {
        return request.peerAddress;
      },
      end,
    };
    this.#host.fetches.add(fetch);
    try {
      const origin = request.header("origin");
      const batch = await sessions.poll({ sessionId, after, origin, waitMs, ticket, transport: "poll" });
      return batch.ok ? batchAnswer(sessionId, batch.value) : this.#refuse(batch);
    } finally {
      this.#host.fetches.delete(fetch);
    }
  }

  #refuse(refusal: Refusal): HttpAnswer {
    if (refusal.code === "session_gone") countBy(this.#host.calls, "session_gone");
    return refusalAnswer(refusal);
  }
}

/** The frames stand in the answer byte for byte. */
function batchAnswer(sessionId: string, { frames, next, closing }: Batch): HttpAnswer {
  const parts: Uint8Array[] = [Buffer.from(`{"session":${JSON.stringify(sessionId)},"frames":[`)];
  for (const [index, { frame }] of frames.entries()) {
    if (index > 0) parts.push(COMMA);
    parts.push(frame.bytes);
  }
  const close = closing === null ? "" : `,"close":${JSON.stringify(closing)}`;
  parts.push(Buffer.from(`],"next":${next}${close}}`));
  return { status: 200, headers: HEADERS, body: Buffer.concat(parts), closesConnection: closing !== null };
}
