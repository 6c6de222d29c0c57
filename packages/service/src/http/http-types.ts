import type { TopicTree, Transport } from "@carillon/core";
import type { Refusal } from "@carillon/protocol";

/** What a handler may know of a request. It may be kept and awaited over. */
export interface HttpRequest {
  /** In upper case. */
  readonly method: string;
  /** The path, percent-encoded as it came, without the query. */
  readonly path: string;
  /** The query without its `?`; "" for none. Parse with URLSearchParams. */
  readonly query: string;
  /**
   * The client's address, from where the server was told to take it. "" when it is the TCP connection's own and is first asked for
   * after the client left.
   */
  readonly remoteAddress: string;
  /** The other end of the TCP connection: the client, or the proxy that stands before the server. "" once the client left. */
  readonly peerAddress: string;
  /** Value of a header that the route declared, or "" when it did not come or was not declared. `name` in lower case. */
  header(name: string): string;
  /**
   * The whole body. Ends as `too_large` past `limitBytes`, at once when Content-Length says so (the connection then closes
   * behind the answer), and as `aborted` when the client goes away or stalls. May be called once, and only before the
   * handler awaits anything: the body may be there with the head, and is not kept for later. Throws otherwise.
   */
  body(limitBytes: number): Promise<BodyResult>;
  /**
   * `listener` is called once when the client goes away before it was answered; never after that. At most one listener,
   * set before the handler awaits anything.
   */
  onAborted(listener: () => void): void;
}

/** What became of reading a body. */
export type BodyResult =
  | { readonly kind: "complete"; readonly bytes: Uint8Array }
  | { readonly kind: "too_large"; readonly limitBytes: number }
  /** The client went away; there is nobody to answer. */
  | { readonly kind: "aborted" };

/** What a handler answers. A status outside 200–599 or a line break in a header becomes a 500. */
export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. Content-Length, Connection and Date are added. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Absent or empty: no body. Not sent with 204 and 304, nor in answer to a HEAD. */
  readonly body?: string | Uint8Array;
  /** True: the connection closes behind this answer. */
  readonly closesConnection?: boolean;
}

/** An answer whose body goes on for as long as its handler likes. */
export interface StreamedAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Called once, synchronously, when the answer has begun; not at all when the client is gone by then. The head leaves with
   * the first write, which is best made from within.
   */
  readonly open: (stream: HttpStream) => HttpStreamHandler;
}

/**
 * The body of an answer that goes on. No method throws, and each may be called at any time: once it has ended they do
 * nothing.
 */
export interface HttpStream {
  readonly isOpen: boolean;
  /** False while the client takes nothing more, and once it has ended: `write` takes nothing then. */
  readonly isReady: boolean;
  /** Writes chunks, one behind the other, in as few system calls as it can. All of them or, when it isn't ready, none. */
  write(chunks: readonly (string | Uint8Array)[]): void;
  /** Ends the body; what was written before still goes out. */
  end(): void;
  /** Cuts the TCP connection. */
  terminate(): void;
}

/** What happens on a stream. A throw is logged and cuts it. */
export interface HttpStreamHandler {
  /** It is ready again. Write something when there is something. */
  onReady(): void;
  /** Called exactly once: the client has gone away, or the stream was ended or cut. */
  onClose(): void;
}

/**
 * Answers one request. Whatever it throws, and taking longer than the server's bound, becomes one 500 problem JSON and one
 * error log line; the process lives on. It may answer synchronously, which is the fast path for requests without a body.
 */
export type HttpHandler = (request: HttpRequest) => AnyAnswer | Promise<AnyAnswer>;

/** An answer of either kind. */
export type AnyAnswer = HttpAnswer | StreamedAnswer;

/** One address that is served. */
export interface HttpRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "OPTIONS";
  /**
   * An exact path, or one with `:name` segments, matched as uWebSockets.js does. A GET route answers HEAD too; a path
   * without an OPTIONS route answers it with 204 and `Allow`.
   */
  readonly path: string;
  /** Headers that the handler reads, in lower case. Only these are copied. */
  readonly headers?: readonly string[];
  readonly handle: HttpHandler;
}

/** What is known when a client asks for a WebSocket. */
export interface UpgradeRequest {
  readonly path: string;
  /** Without the `?`. */
  readonly query: string;
  /** The Origin header, "" for none. */
  readonly origin: string;
  /** Offered subprotocols in the client's order. */
  readonly subprotocols: readonly string[];
}

/** What to do with an upgrade. */
export type UpgradeDecision =
  | {
      readonly kind: "accept";
      /** The subprotocol to name in the handshake; absent: none. Only ever one that was offered. */
      readonly subprotocol?: string;
      /** Called once, synchronously, when the socket is open. */
      readonly open: (socket: Transport) => SocketHandler;
    }
  | { readonly kind: "refuse"; readonly answer: HttpAnswer };

/**
 * What happens on one WebSocket. Calls come one at a time, `onClose` last: a socket that is closed from within `open` or
 * `onFrame` hears it when that has returned; one that is closed from elsewhere hears it before `close` or `terminate` returns.
 * A throw is logged and closes this socket alone with 1011.
 */
export interface SocketHandler {
  /** One whole message. `data` is only valid during the call. Text is valid UTF-8. */
  onFrame(data: Uint8Array, isBinary: boolean): void;
  /** A ping or a pong came: the client is there. Absent: nobody wants to know. */
  onAlive?(): void;
  /** Called exactly once for each opened socket. `code` 1006 means without a close frame. `wasSlow`: cut at the backpressure bound. */
  onClose(code: number, wasSlow: boolean): void;
}

/** How WebSockets are served: one endpoint for every path, told apart by `decide`. */
export interface WebSocketEndpoint {
  /**
   * Path patterns that serve WebSockets: a plain GET there is answered with 426, unless a route answers it. Upgrades are
   * decided on at every path, whether it is listed or not. Absent: none.
   */
  readonly paths?: readonly string[];
  /**
   * Decides on an upgrade, synchronously: a client can't go away in between. A refusal is answered with `connection: close`.
   * A throw is logged and answered with 500.
   */
  readonly decide: (request: UpgradeRequest) => UpgradeDecision;
  /**
   * Hears what a WebSocket publishes to all others on a topic, for listeners that are no WebSockets. `frame` is only valid
   * during the call. Absent: there are none.
   */
  readonly onPublishedToOthers?: (topic: string, frame: Uint8Array, isBinary: boolean) => void;
  /** Longest frame that is read at all; a longer one cuts the connection (1006). Bytes, 1 to 2^31 - 1. */
  readonly maxFrameBytes: number;
  /** Unsent bytes at which a connection is cut as a slow consumer (1006). Bytes, 1 to 2^31 - 1; what the kernel buffers comes on top. */
  readonly maxBackpressureBytes: number;
  /** Silence after which a connection is closed; pings go out by themselves before that. Whole seconds, 8 to 960. */
  readonly idleTimeoutSeconds: number;
  /**
   * Path patterns whose connections somebody else closes when that time is over, with a code. From 20 to 952 seconds the server
   * then pings them four seconds before at the latest, and cuts them some seconds after only. Absent: none.
   */
  readonly watchedPaths?: readonly string[];
}

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /**
   * True: other processes that say so too may listen there, and the system gives each connection to one of them. Default false: a
   * second process is refused, as it would take half of the connections without anybody noticing.
   */
  readonly isShared?: boolean;
}

/**
 * The process's public HTTP and WebSocket server: the only holder of uWebSockets.js. Routes are added first, then it
 * listens. Unknown paths get 404 and known paths with another method 405 (with `Allow`), both as problem JSON unless `refuseUnder` says otherwise.
 */
export interface PublicServer extends TopicTree {
  /** Throws when the same method and path were given before, or when the server listens already. */
  route(route: HttpRoute): void;
  /** For an API with a form of its own: how the 404 and 405 of paths that begin with `prefix` are answered. Before it listens. */
  refuseUnder(prefix: string, answer: (refusal: Refusal) => HttpAnswer): void;
  /** At most one per server, before it listens. Throws a RangeError that names the option whose value is out of bounds. */
  webSocket(endpoint: WebSocketEndpoint): void;
  /**
   * Resolves with the real port. The port is taken exclusively. Rejects with PortInUseError (code `EADDRINUSE`) when another
   * process has it, and with ListenError when the address can't be had for another reason.
   */
  listen(address: ListenAddress): Promise<{ readonly host: string; readonly port: number }>;
  /**
   * A proxy is about to end: for so long, whoever is answered through it is also told to close the TCP connection, so that
   * the next request goes another way. WebSockets, and answers that have begun, are not touched. `peerAddress` as requests have it.
   */
  leaveProxy(peerAddress: string, forMs: number): void;
  /** Stops accepting new connections; the open ones go on, and each is closed behind the next answer. Idempotent. */
  stopListening(): void;
  /** Cuts every connection (their handlers hear 1006) and lets go of everything. Idempotent. */
  close(): Promise<void>;
  /** Open WebSockets now. */
  readonly openSockets: number;
}
