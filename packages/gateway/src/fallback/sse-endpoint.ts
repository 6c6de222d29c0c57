import { countBy } from "@carillon/core";
import { CLOSE_CODES, type Refusal, refuse } from "@carillon/protocol";
import type { AnyAnswer, HttpRequest, HttpStream, HttpStreamHandler } from "@carillon/service";
import { type EventPlace, placeOfEvent } from "./event-id.ts";
import { closeEvent, ENDED_EVENT_ID, EventStream, type StreamOpening } from "./event-stream.ts";
import { refusalAnswer } from "./fallback-answer.ts";
import type { FallbackHost } from "./fallback-host.ts";
import { onlyChannelOf, placeOf } from "./fallback-query.ts";
import type { HttpConnection } from "./http-connection.ts";
import type { Sessions } from "./sessions.ts";

/** Headers that the endpoint reads. */
export const SSE_HEADERS = ["origin", "last-event-id"] as const;

const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  // Who comes back after the end of a stream shall take a new connection, which may lead elsewhere.
  connection: "close",
  // Proxies of the nginx family hold answers back otherwise.
  "x-accel-buffering": "no",
} as const;

const GAP = refuse("session_gone", "what came after that event is kept no more: begin a new session");

/** Over at once, and without an id: who comes back by itself shows the same place again, and its session may be within reach by then. */
const BACK_SOON: AnyAnswer = { status: 200, headers: HEADERS, body: "retry: 1000\n:\n\n" };

/** One call. */
interface StreamCall {
  readonly request: HttpRequest;
  readonly query: URLSearchParams;
  readonly origin: string;
  /** The only channel of the query; null: there are several or none. */
  readonly channel: string | null;
  /** True: the query names the session, so its client knows what to do when that is gone. */
  readonly isNamed: boolean;
}

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
    if (!named.ok) return refusalAnswer(named);
    const isNamed = named.value !== null;
    const call = { request, query, origin: request.header("origin"), channel: onlyChannelOf(query), isNamed };
    const shown = placeOfEvent(eventId);
    const place = shown ?? (named.value === null ? null : { ...named.value, position: null });
    if (place === null) return this.#begin(call, null);
    countBy(this.#host.calls, "sse_resumed");
    const sessions = this.#host.sessionsOf(place.sessionId);
    return sessions === this.#host.local ? this.#resume(call, place) : this.#relay(call, place, sessions);
  }

  /** `lost`: where the client stood in a session that is gone. */
  #begin({ request, query, channel }: StreamCall, lost: EventPlace | null): AnyAnswer {
    const unavailable = this.#host.unavailable();
    if (unavailable !== null) return turnedAway(unavailable, this.#host.retryAfterSeconds());
    countBy(this.#host.calls, "sse");
    return this.#streamed(request, (stream) => {
      const position = channel === null ? null : (lost?.position ?? null);
      const connection = this.#host.begin(request, query, { transport: "sse", position });
      const place = { sessionId: connection.sessionId, after: 0, position };
      return attach(stream, connection, { place, channel, ...(lost === null ? {} : { isResumed: false }) });
    });
  }

  #resume(call: StreamCall, place: EventPlace): AnyAnswer {
    const { sessionId, after } = place;
    const found = this.#host.local.find({ sessionId, origin: call.origin });
    if (!found.ok) return this.#refuse(call, place, found);
    const connection = found.value;
    if (!connection.canResume(after)) return this.#refuse(call, place, GAP);
    const { channel, request } = call;
    return this.#streamed(request, (stream) => attach(stream, connection, { place, channel, isResumed: true }));
  }

  async #relay(call: StreamCall, place: EventPlace, sessions: Sessions): Promise<AnyAnswer> {
    const { nextTicket, streams } = this.#host;
    const { channel, origin, request } = call;
    const { sessionId, after } = place;
    const ticket = nextTicket();
    const first = await sessions.poll({ sessionId, after, origin, waitMs: 0, ticket, transport: "sse" });
    if (!first.ok) return this.#refuse(call, place, first);
    return this.#streamed(request, (stream) =>
      streams.open(stream, { sessions, place, channel, origin, first: first.value }),
    );
  }

  #streamed({ peerAddress }: HttpRequest, open: (stream: HttpStream) => HttpStreamHandler): AnyAnswer {
    const { fetches } = this.#host;
    const openNoted = (stream: HttpStream): HttpStreamHandler => {
      const handler = open(stream);
      const fetch = { peerAddress, end: () => stream.end() };
      fetches.add(fetch);
      return {
        onReady: () => handler.onReady(),
        onClose: () => {
          fetches.delete(fetch);
          handler.onClose();
        },
      };
    };
    return { status: 200, headers: HEADERS, open: openNoted };
  }

  /** Who only shows an event's id is a reader that can do nothing but go on: it gets a new session, and is told so. */
  #refuse(call: StreamCall, place: EventPlace, refusal: Refusal): AnyAnswer {
    if (refusal.code === "session_gone") countBy(this.#host.calls, "session_gone");
    if (refusal.code === "bus_unavailable" && !call.isNamed) return BACK_SOON;
    return call.isNamed || refusal.code === "forbidden" ? refusalAnswer(refusal) : this.#begin(call, place);
  }
}

function attach(stream: HttpStream, connection: HttpConnection, opening: StreamOpening): HttpStreamHandler {
  const events = new EventStream(stream, opening, {
    onReady: () => connection.flush(),
    onEnded: (ended) => connection.detach(ended),
  });
  if (!connection.attach(events, opening.place.after).ok) events.end();
  return events;
}

/** No status but 200 has an EventSource come back by itself, so why it can't stay is told as the end of a connection. */
function turnedAway({ code, message }: Refusal, retryAfterSeconds: number): AnyAnswer {
  const close = code === "draining" ? CLOSE_CODES.drain : CLOSE_CODES.over_capacity;
  const body = closeEvent({ code: close.code, reason: message }, retryAfterSeconds * 1000);
  return { status: 200, headers: HEADERS, body };
}
