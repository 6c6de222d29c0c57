import type { App, Clock, Cluster, NodeCounters, Transport } from "@carillon/core";
import type { Refusal } from "@carillon/protocol";
import type {
  AnyAnswer,
  HttpHandler,
  HttpRequest,
  PublicServer,
  SocketHandler,
  UpgradeRequest,
} from "@carillon/service";
import type { HttpTransportName } from "./batch.ts";
import { preflight, readable } from "./cross-origin.ts";
import type { Beginning, FallbackCall, FallbackHost } from "./fallback-host.ts";
import { subscribeOf } from "./fallback-query.ts";
import { Fetches } from "./fetches.ts";
import { FlushQueue } from "./flush-queue.ts";
import type { HttpConnection } from "./http-connection.ts";
import { HttpConnections, ownerOf } from "./http-connections.ts";
import { LocalSessions } from "./local-sessions.ts";
import { POLL_HEADERS, PollEndpoint } from "./poll-endpoint.ts";
import { RelayedStreams } from "./relayed-streams.ts";
import { RemoteSessions } from "./remote-sessions.ts";
import { SEND_HEADERS, SendEndpoint } from "./send-endpoint.ts";
import { answerOtherGateways } from "./session-answers.ts";
import type { Sessions } from "./sessions.ts";
import { SSE_HEADERS, SseEndpoint } from "./sse-endpoint.ts";
import { TopicListeners } from "./topic-listeners.ts";

/** The limits and times of connections over HTTP. */
export interface FallbackSettings {
  /** How long a session lives that nobody fetches from, in ms. */
  readonly keepMs: number;
  /** Bytes that may wait for one client. */
  readonly bufferBytes: number;
  /** Calls that may be under way to other gateways at a time. */
  readonly maxRelayed: number;
}

/** What the fallback stands on. */
export interface FallbackOptions {
  readonly server: PublicServer;
  /** Absent: there are no other gateways. Must not have started. */
  readonly cluster?: Cluster;
  /** This process, as session ids name it. */
  readonly nodeId: string;
  readonly clock: Clock;
  readonly counters: NodeCounters;
  readonly settings: FallbackSettings;
  /** Longest frame of a client that is handled, in bytes. */
  readonly maxFrameBytes: number;
  /** Silence after which a client has to show that it lives, in ms. */
  readonly idleTimeoutMs: number;
  readonly appOf: (key: string | null) => App | null;
  readonly isOriginAllowed: (app: App, origin: string) => boolean;
  /** Why no new connections are taken; null: they are. */
  readonly unavailable: () => Refusal | null;
  /** After how many seconds to come back, for somebody who is turned away now. */
  readonly retryAfterSeconds: () => number;
  /** Begins the protocol's conversation on a connection. */
  readonly open: (request: UpgradeRequest) => (transport: Transport) => SocketHandler;
  readonly onBug: (error: unknown) => void;
}

/** A call may be so many times as long as a frame. */
const BODY_FRAMES = 4;

/** In a message to another gateway, what stands beside the body. */
const MESSAGE_OVERHEAD_BYTES = 2048;

/** Where clients fetch and send over HTTP. */
export const FALLBACK_PATHS = { sse: "/sse", poll: "/poll", send: "/send" } as const;

/**
 * Connections for clients whose way has no room for WebSockets: frames come as an event stream or as answers to polls, commands
 * go as posts. Every call may reach any gateway. docs/protocol/native.md has the rules.
 */
export class Fallback {
  /** What is published on this node's topics, for these connections. */
  readonly listeners = new TopicListeners();
  /** The calls that wait for frames. */
  readonly fetches = new Fetches();
  /** How many calls there were, by kind. */
  readonly calls = new Map<FallbackCall, number>();
  readonly #options: FallbackOptions;
  readonly #connections: HttpConnections;
  readonly #local: LocalSessions;
  readonly #remote: RemoteSessions | null;
  readonly #streams: RelayedStreams;
  #lastTicket = 0;

  constructor(options: FallbackOptions) {
    this.#options = options;
    const { clock, cluster, idleTimeoutMs, nodeId, onBug, settings } = options;
    const flushes = new FlushQueue(onBug);
    const { listeners } = this;
    this.#connections = new HttpConnections({ ...options, ...settings, listeners, flushes }, nodeId);
    this.#local = new LocalSessions({ ...options, connections: this.#connections });
    this.#remote = cluster === undefined ? null : new RemoteSessions({ cluster, maxRelayed: settings.maxRelayed });
    if (cluster !== undefined) answerOtherGateways(cluster, this.#local);
    const nextTicket = () => this.#nextTicket();
    this.#streams = new RelayedStreams({ clock, lifetimeMs: idleTimeoutMs, nextTicket, onBug });
    this.#addRoutes(this.#createHost());
  }

  /** Connections that are open here, by the way in which their clients fetch. */
  get connections(): Readonly<Record<HttpTransportName, number>> {
    return this.#connections.counts;
  }

  /** All connections that are held here, those included that have ended and still have something to fetch. */
  get size(): number {
    return this.#connections.size;
  }

  /** Calls that are under way to other gateways, and streams whose sessions are there. */
  get relayed(): number {
    return (this.#remote?.relayed ?? 0) + this.#streams.size;
  }

  /** How many connections have not ended yet, or have not been fetched to their end. */
  get undone(): number {
    return this.#connections.undone + this.#streams.size;
  }

  /** Each lets the client of another gateway's session go on elsewhere. */
  leaves(): (() => void)[] {
    return this.#streams.all().map((stream) => () => stream.end());
  }

  /** Cuts everything. */
  close(): void {
    this.#streams.close();
    this.#connections.close();
  }

  #createHost(): FallbackHost {
    const { clock, cluster, maxFrameBytes, retryAfterSeconds, unavailable } = this.#options;
    return {
      connections: this.#connections,
      local: this.#local,
      streams: this.#streams,
      fetches: this.fetches,
      clock,
      calls: this.calls,
      sessionsOf: (sessionId) => this.#sessionsOf(sessionId),
      unavailable,
      retryAfterSeconds,
      begin: (request, query, beginning) => this.#begin(request, query, beginning),
      nextTicket: () => this.#nextTicket(),
      // The same on every gateway, whichever of them a call reaches.
      maxBodyBytes: () =>
        Math.min(
          maxFrameBytes * BODY_FRAMES,
          cluster === undefined ? Number.POSITIVE_INFINITY : cluster.maxMessageBytes - MESSAGE_OVERHEAD_BYTES,
        ),
    };
  }

  #addRoutes(host: FallbackHost): void {
    const { server } = this.#options;
    const sse = new SseEndpoint(host);
    const poll = new PollEndpoint(host);
    const send = new SendEndpoint(host);
    const { sse: ssePath, poll: pollPath, send: sendPath } = FALLBACK_PATHS;
    const asSse = crossOrigin((request) => sse.answer(request));
    const asPoll = crossOrigin((request) => poll.answer(request));
    const asSend = crossOrigin((request) => send.answer(request));
    server.route({ method: "GET", path: ssePath, headers: SSE_HEADERS, handle: asSse });
    server.route({ method: "GET", path: pollPath, headers: POLL_HEADERS, handle: asPoll });
    server.route({ method: "POST", path: sendPath, headers: SEND_HEADERS, handle: asSend });
    for (const path of Object.values(FALLBACK_PATHS)) {
      const handle = (request: HttpRequest) => preflight(request.header("origin"));
      server.route({ method: "OPTIONS", path, headers: ["origin"], handle });
    }
  }

  #sessionsOf(sessionId: string): Sessions {
    if (this.#remote === null || ownerOf(sessionId) === this.#options.nodeId) return this.#local;
    this.calls.set("relayed", (this.calls.get("relayed") ?? 0) + 1);
    return this.#remote;
  }

  #begin(request: HttpRequest, query: URLSearchParams, { transport, position }: Beginning): HttpConnection {
    const { appOf, open } = this.#options;
    const { remoteAddress, path, query: text } = request;
    const connection = this.#connections.create({ app: appOf(query.get("key")), remoteAddress, transport });
    const origin = request.header("origin");
    connection.begin(open({ path, query: text, origin, subprotocols: [] }));
    const subscribe = subscribeOf(query, position);
    if (subscribe !== null) connection.receiveQuery(subscribe);
    return connection;
  }

  #nextTicket(): string {
    this.#lastTicket++;
    return `${this.#options.nodeId}:${this.#lastTicket}`;
  }
}

/** Has every answer readable to the page that asked. */
function crossOrigin(answer: (request: HttpRequest) => AnyAnswer | Promise<AnyAnswer>): HttpHandler {
  return (request) => {
    const origin = request.header("origin");
    // A call that is only about the head must begin nothing.
    if (request.method === "HEAD") return readable({ status: 200, headers: { "cache-control": "no-store" } }, origin);
    const outcome = answer(request);
    return outcome instanceof Promise ? outcome.then((each) => readable(each, origin)) : readable(outcome, origin);
  };
}
