import type { Clock } from "@carillon/core";
import type { Refusal } from "@carillon/protocol";
import type { HttpRequest } from "@carillon/service";
import type { HttpTransportName } from "./batch.ts";
import type { Fetches } from "./fetches.ts";
import type { HttpConnection } from "./http-connection.ts";
import type { HttpConnections } from "./http-connections.ts";
import type { LocalSessions } from "./local-sessions.ts";
import type { RelayedStreams } from "./relayed-streams.ts";
import type { Sessions } from "./sessions.ts";

/** Calls of clients over HTTP, as metrics name them. `relayed`: to another gateway, whatever else they are. */
export type FallbackCall = "sse" | "sse_resumed" | "poll_begun" | "poll" | "send" | "relayed" | "session_gone";

/** How a connection begins. */
export interface Beginning {
  readonly transport: HttpTransportName;
  /** Where the client stands on the only channel of its query, as it was told last; null: nobody told it. */
  readonly position: string | null;
}

/** What the endpoints of the fallback share. */
export interface FallbackHost {
  readonly connections: HttpConnections;
  readonly local: LocalSessions;
  readonly streams: RelayedStreams;
  readonly fetches: Fetches;
  readonly clock: Clock;
  /** How many calls there were, by kind. */
  readonly calls: Map<FallbackCall, number>;
  /** Whoever knows the session: this gateway, or another one. */
  readonly sessionsOf: (sessionId: string) => Sessions;
  /** Why no new connections are taken; null: they are. */
  readonly unavailable: () => Refusal | null;
  /** After how many seconds to come back, for somebody who is turned away now. */
  readonly retryAfterSeconds: () => number;
  /** Begins a new connection, and subscribes to the channels of the query. */
  readonly begin: (request: HttpRequest, query: URLSearchParams, beginning: Beginning) => HttpConnection;
  /** A name for a poll; unique over the cluster. */
  readonly nextTicket: () => string;
  /** Longest body of a call, in bytes. */
  readonly maxBodyBytes: () => number;
}
