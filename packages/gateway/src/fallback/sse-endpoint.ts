import { countBy } from "@carillon/core";
import { CLOSE_CODES, type Refusal } from "@carillon/protocol";
import { type AnyAnswer, type HttpRequest, type HttpStream, type HttpStreamHandler, problem } from "@carillon/service";
import type { Closing } from "./batch.ts";
import { closeEvent, ENDED_EVENT_ID, EventStream } from "./event-stream.ts";
import type { FallbackHost } from "./fallback-host.ts";
import { placeOf, placeOfEvent, type SessionPlace } from "./fallback-query.ts";
import type { HttpConnection } from "./http-connection.ts";
import type { Sessions } from "./sessions.ts";

/** Headers that the endpoint reads. */
export const SSE_HEADERS = ["origin", "last-event-id"] as const;

const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  // Proxies of the nginx family hold answers back otherwise.
  "x-accel-buffering": "no",
} as const;

/** `GET /sse`: the frames of a new or of an existing session, as they come. */
export class SseEndpoint {
  readonly #host: FallbackHost;

  constructor(host: FallbackHost) {
    this.#host = host;
  }

  /** Answers one call. */
  answer(request: HttpRequest): AnyAnswer | Promise<AnyAnswer> {
    const query = new URLSearchParams(request.query);
    const eventId = request.header("last-event-id") || (query.get("lastEventId") ?? "");
    // An EventSource gives up for good when it is answered so, and at nothing else that it could be told.
    if (eventId === ENDED_EVENT_ID) return { status: 204 };
    const named = placeOf(query);
    if (!named.ok) return problem(named.code, named.message);
    const place = placeOfEvent(eventId) ?? named.value;
    if (place === null) return this.#begin(request, query);
    const whenGone = (refusal: Refusal) => {
      countBy(this.#host.calls, "session_gone");
      // Who names it knows what to do; who only shows an event's id is a reader that can do nothing else than go on.
      return named.value === null
        ? this.#begin(request, query, false)
        : problem(refusal.code, refusal.message, retryHeaders(refusal));
    };
    return this.#resume(request, place, whenGone);
  }

  #begin(request: HttpRequest, query: URLSearchParams, isResumed?: boolean): AnyAnswer {
    const unavailable = this.#host.unavailable();
    if (unavailable !== null) return turnedAway(unavailable);
    countBy(this.#host.calls, "sse");
    return streamed((stream) => {
      const connection = this.#host.begin(request, query, "sse");
      return attach(stream, connection, { after: 0, ...(isResumed === undefined ? {} : { isResumed }) });
    });
  }

  #resume(
    request: HttpRequest,
    place: SessionPlace,
    whenGone: (refusal: Refusal) => AnyAnswer,
  ): AnyAnswer | Promise<AnyAnswer> {
    const { sessionId, after } = place;
    const { local } = this.#host;
    const origin = request.header("origin");
    const sessions = this.#host.sessionsOf(sessionId);
    countBy(this.#host.calls, "sse_resumed");
    if (sessions !== local) return this.#relay(sessions, { place, origin, whenGone });
    const found = local.find({ sessionId, origin });
    if (!found.ok) return found.code === "session_gone" ? whenGone(found) : problem(found.code, found.message);
    const connection = found.value;
    if (!connection.canResume(after)) return whenGone(GAP);
    return streamed((stream) => attach(stream, connection, { after, isResumed: true }));
  }

  async #relay(
    sessions: Sessions,
    { place, origin, whenGone }: { place: SessionPlace; origin: string; whenGone: (refusal: Refusal) => AnyAnswer },
  ): Promise<AnyAnswer> {
    const { nextTicket, streams } = this.#host;
    const first = await sessions.poll({ ...place, origin, waitMs: 0, ticket: nextTicket(), transport: "sse" });
    if (!first.ok) return first.code === "forbidden" ? problem(first.code, first.message) : whenGone(first);
    return streamed((stream) => streams.open(stream, { sessions, place, origin, first: first.value }));
  }
}

const GAP: Refusal = {
  ok: false,
  code: "session_gone",
  message: "what came after that event is kept no more: begin a new session",
};

function attach(
  stream: HttpStream,
  connection: HttpConnection,
  { after, isResumed }: { readonly after: number; readonly isResumed?: boolean },
): HttpStreamHandler {
  const { sessionId } = connection;
  const events = new EventStream(
    stream,
    { sessionId, after, ...(isResumed === undefined ? {} : { isResumed }) },
    { onReady: () => connection.flush(), onEnded: (ended) => connection.detach(ended) },
  );
  if (!connection.attach(events, after).ok) events.end();
  return events;
}

function streamed(open: (stream: HttpStream) => HttpStreamHandler): AnyAnswer {
  return { status: 200, headers: HEADERS, open };
}

/** No status but 200 has an EventSource come back by itself, so why it can't stay is told as the end of a connection. */
function turnedAway({ code, message }: Refusal): AnyAnswer {
  const close = code === "draining" ? CLOSE_CODES.drain : CLOSE_CODES.over_capacity;
  const closing: Closing = { code: close.code, reason: message };
  return { status: 200, headers: HEADERS, body: closeEvent(closing) };
}

function retryHeaders({ code }: Refusal): Readonly<Record<string, string>> {
  return code === "session_gone" ? {} : { "retry-after": "1" };
}
