import { CarillonError } from "./errors.ts";
import { HttpTransport } from "./http-transport.ts";
import type { Settings } from "./settings.ts";
import type { Transport, TransportName } from "./transport.ts";
import { JSON_FORMAT, type WebSocketConstructor, WebSocketTransport, type WireFormat } from "./websocket-transport.ts";

/** What the application says about one subscribe to a guarded channel. */
export interface ChannelAuthorization {
  /** Channel token, as `authenticateChannel` of `@carillon/server` makes it. */
  readonly token: string;
  /** What the token signs besides the channel, exactly as signed: on presence channels, who this is. */
  readonly data?: string;
}

/**
 * Gets the token of a guarded channel. Rejects with a {@link CarillonError} that is not retryable when the user may not have it;
 * whatever else it rejects with is tried again.
 */
export type ChannelAuthorizer = (request: {
  readonly channel: string;
  readonly socketId: string;
}) => Promise<ChannelAuthorization | string>;

/** Gets a connection token (a JWT); null: connect without one. Asked before every connect, and before a token expires. */
export type ConnectionTokenSource = () => Promise<string | null>;

/** Answers the payload as listeners get it. Throws a CarillonError for one that they must not get. */
export type PayloadCheck = (channel: string, event: string, payload: unknown) => unknown;

/** How to make a client. Everything but `host` has a default, which undefined stands for as well. */
export interface RealtimeClientOptions {
  /** Origin of the gateways, `wss://realtime.example.com`; `http(s)://` does too, and a path before Carillon's own, whose `/ws` may be there. */
  readonly host: string;
  /**
   * Where the application gives out tokens for `private-` and `presence-` channels. POSTed `{"channel","socketId"}` as JSON, with
   * cookies of the same origin; answers `{"token"}`, and `data` where the token signs more. Any other answer means no; 408, 429,
   * 500 and more, and no answer at all, are tried again.
   */
  readonly authEndpoint?: string | undefined;
  /** Headers for `authEndpoint`, such as `authorization`; a function is asked each time. */
  readonly authHeaders?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>) | undefined;
  /** Instead of `authEndpoint`: gets the token of a guarded channel in a way of its own. */
  readonly authorizeChannel?: ChannelAuthorizer | undefined;
  /** Gets a connection token, where the app wants one or its capabilities are used. */
  readonly getToken?: ConnectionTokenSource | undefined;
  /** False: nothing is connected until `connect()`. Default true: at the first subscribe or publish. */
  readonly autoConnect?: boolean | undefined;
  /** WebSocket to use where there is none, as in Node 20: that of the package `ws`. Without one, `sse` is the best transport. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /**
   * Which transports may be used, the best first. Default `websocket`, `sse`, `poll`: where one doesn't get through, as behind some
   * proxies, the next one does, and the best one is tried beside it from time to time.
   */
  readonly transports?: readonly TransportName[] | undefined;
  /** The form of frames on WebSockets. Default JSON; `msgpack` of `@carillon/client/msgpack` for payloads that are long lists of numbers. */
  readonly format?: WireFormat | undefined;
  /**
   * Looks at each payload before listeners get it: they get what it answers. An event for which it throws a CarillonError reaches no listener,
   * and that is told as an `error` of the client. `schemaCheck` of `@carillon/client/schemas` makes one of schemas.
   */
  readonly check?: PayloadCheck | undefined;
  /** Upper bound of the first reconnect delay, in ms; doubles up to `maxReconnectDelayMs`. Default 500. */
  readonly minReconnectDelayMs?: number | undefined;
  /** Upper bound of reconnect delays, in ms. Default 30,000. */
  readonly maxReconnectDelayMs?: number | undefined;
  /** How long one attempt to connect may take, in ms. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long an answer may take, in ms, the wait for a connection included; one of `authEndpoint`, too. Default 10,000. */
  readonly commandTimeoutMs?: number | undefined;
  /** After so long without a frame from the server it is asked for a sign of life, in ms. Default 25,000. */
  readonly pingAfterMs?: number | undefined;
  /** How long that may take before the connection counts as broken, in ms. Default 5,000. */
  readonly pongTimeoutMs?: number | undefined;
  /** Most commands that wait for a connection. Default 100. */
  readonly maxQueued?: number | undefined;
}

const TRANSPORTS: readonly TransportName[] = ["websocket", "sse", "poll"];

/** Checks and completes options. Throws a TypeError that says what to change. */
export function settingsOf(key: string, options: RealtimeClientOptions): Settings {
  if (typeof key !== "string" || key === "") throw new TypeError("key must be the app's key");
  const WebSocket = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  return {
    url: urlOf(key, options.host),
    transports: (options.transports ?? TRANSPORTS).flatMap((name): Transport[] => {
      if (name !== "websocket") return [new HttpTransport(name)];
      return WebSocket === undefined ? [] : [new WebSocketTransport(WebSocket, options.format ?? JSON_FORMAT)];
    }),
    authorize: options.authorizeChannel ?? endpointOf(options),
    getToken: options.getToken ?? null,
    backoff: { minMs: options.minReconnectDelayMs ?? 500, maxMs: options.maxReconnectDelayMs ?? 30_000 },
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    commandTimeoutMs: options.commandTimeoutMs ?? 10_000,
    pingAfterMs: options.pingAfterMs ?? 25_000,
    pongTimeoutMs: options.pongTimeoutMs ?? 5_000,
    maxQueued: options.maxQueued ?? 100,
  };
}

function urlOf(key: string, host: string): string {
  // A /ws at the end is left out: many know the whole URL, which the gateway shows when it starts.
  const [, secure, rest] = /^(?:ws|http)(s?):\/\/([^?#]+?)(?:\/ws)?\/*$/i.exec(host) ?? [];
  if (rest === undefined) {
    throw new TypeError(`host must be an origin such as wss://realtime.example.com, not ${host}`);
  }
  const query = `key=${encodeURIComponent(key)}&sender=${newSenderId()}`;
  return `ws${secure}://${rest}/ws?${query}`;
}

/** The client's own name, by which it doesn't hear what it publishes, over reconnects too (N62). */
function newSenderId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(36).padStart(2, "0")).join("");
}

function endpointOf({
  authEndpoint,
  authHeaders,
  commandTimeoutMs = 10_000,
}: RealtimeClientOptions): ChannelAuthorizer | null {
  if (authEndpoint === undefined) return null;
  return async (request) => {
    const headers = typeof authHeaders === "function" ? authHeaders() : authHeaders;
    const response = await fetch(authEndpoint, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(request),
      credentials: "same-origin",
      // Older browsers and React Native can't: there it may take as long as it likes.
      signal: AbortSignal.timeout?.(commandTimeoutMs) ?? null,
    });
    const { ok, status, redirected, url } = response;
    const text = ok ? await response.text() : "";
    let answer: Partial<ChannelAuthorization> | null = null;
    try {
      answer = JSON.parse(text);
    } catch {
      // What came instead is told below.
    }
    if (typeof answer?.token !== "string") {
      // A page that asks for a login comes with a 200; where from and as what says so.
      const form = `${response.headers.get("content-type")}${redirected ? `, redirected to ${url}` : ""}`;
      const message = `${authEndpoint} answered ${status} (${form}) instead of {"token":"…"} for ${request.channel}`;
      throw new CarillonError("auth_failed", message, {
        isRetryable: status >= 500 || status === 429 || status === 408,
      });
    }
    return { token: answer.token, ...(answer.data === undefined ? {} : { data: answer.data }) };
  };
}
