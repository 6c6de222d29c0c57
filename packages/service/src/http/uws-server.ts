import type { Clock, NodeCounters } from "@carillon/core";
import { type Refusal, refuse } from "@carillon/protocol";
import type { Logger } from "../process/logger.ts";
import { systemClock } from "../process/system-clock.ts";
import { ClientAddresses, type ClientAddressOptions } from "./client-address.ts";
import { Exchange, type ExchangeHost } from "./exchange.ts";
import type {
  HttpAnswer,
  HttpHandler,
  HttpRoute,
  ListenAddress,
  PublicServer,
  WebSocketEndpoint,
} from "./http-types.ts";
import { watchedTimerSeconds } from "./idle-timer.ts";
import { LeavingProxies } from "./leaving-proxies.ts";
import { findListenPort, listenError } from "./listen-error.ts";
import { PendingExchanges } from "./pending-exchanges.ts";
import { problem, upgradeRequired } from "./problem.ts";
import { RouteTable } from "./route-table.ts";
import {
  DEFAULT_MAX_HEADER_BYTES,
  loadUws,
  type UwsApp,
  type UwsListenSocket,
  type UwsModule,
  type UwsRequestHandler,
} from "./uws.ts";
import { checkEndpoint, checkRange, socketBehavior } from "./websocket-behavior.ts";
import { wireText } from "./wire-text.ts";

/** What a public server is made of. */
export interface PublicServerOptions {
  readonly logger: Logger;
  /** Of these, the server itself only counts `slowConsumers` and the bytes of single frames; the rest is its callers' to count. */
  readonly counters: NodeCounters;
  /**
   * Longest head of a request: request line and headers. Bytes, 1024 to 1048576; 16384 when absent. uWebSockets.js reads it
   * once in a process, so all servers of a process share the first one's.
   */
  readonly maxHeaderBytes?: number;
  /** Where the addresses of clients come from; the TCP connections' own when absent. */
  readonly clientAddress?: ClientAddressOptions;
  /** How long a handler may take before its request is answered with 500. Milliseconds; 45 seconds when absent. */
  readonly handlerTimeoutMs?: number;
  /** Drives the handlers' timeout; the platform's when absent. */
  readonly clock?: Clock;
}

const HEADER_BYTES = { min: 1024, max: 1_048_576 } as const;

/** As long as an answer of Carillon's may take (30 s for receipts, behind 15 s of retries when the bus is in trouble), shorter than most proxies wait. */
const DEFAULT_HANDLER_TIMEOUT_MS = 45_000;

/** uWebSockets.js's method that registers a route. */
const REGISTER = { GET: "get", POST: "post", PUT: "put", DELETE: "del", OPTIONS: "options" } as const;

const EVERY_PATH = "/*";

/**
 * Makes the process's public server. It holds nothing yet but a timer that keeps no process alive; `close` ends that too.
 *
 * @throws UwsUnavailableError when uWebSockets.js can't be loaded here; RangeError for an option out of bounds.
 * @example
 * const server = createPublicServer({ logger, counters });
 * server.route({ method: "GET", path: "/hello", handle: () => ({ status: 200, body: "hello" }) });
 * const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
 */
export function createPublicServer(options: PublicServerOptions): PublicServer {
  return new UwsServer(options);
}

type Phase = "routing" | "listening" | "accepting_ended" | "closed";

class UwsServer implements PublicServer {
  readonly #uws: UwsModule;
  readonly #app: UwsApp;
  readonly #log: Logger;
  readonly #counters: NodeCounters;
  readonly #host: ExchangeHost & { readonly pending: PendingExchanges };
  readonly #routes = new RouteTable();
  readonly #refusers: { readonly prefix: string; readonly answer: (refusal: Refusal) => HttpAnswer }[] = [];
  readonly #gauge = { open: 0 };
  #endpoint: WebSocketEndpoint | null = null;
  #listenSocket: UwsListenSocket | null = null;
  #phase: Phase = "routing";

  constructor(options: PublicServerOptions) {
    const maxHeaderBytes = options.maxHeaderBytes ?? DEFAULT_MAX_HEADER_BYTES;
    checkRange("maxHeaderBytes", maxHeaderBytes, HEADER_BYTES);
    const timeoutMs = options.handlerTimeoutMs ?? DEFAULT_HANDLER_TIMEOUT_MS;
    checkRange("handlerTimeoutMs", timeoutMs, { min: 1, max: 3_600_000 });
    const loaded = loadUws(maxHeaderBytes);
    if (loaded.maxHeaderBytes !== maxHeaderBytes) {
      options.logger.warn("max_header_bytes_ignored", { asked: maxHeaderBytes, inForce: loaded.maxHeaderBytes });
    }
    this.#uws = loaded.module;
    this.#app = loaded.module.App();
    this.#log = options.logger;
    this.#counters = options.counters;
    const clock = options.clock ?? systemClock;
    const pending = new PendingExchanges({ clock, timeoutMs });
    const addresses = new ClientAddresses(options.clientAddress ?? { from: "socket", trustedProxies: [] });
    this.#host = {
      log: options.logger,
      pending,
      addresses,
      leavingProxies: new LeavingProxies(clock),
      isEnding: () => this.#phase === "accepting_ended",
    };
  }

  get openSockets(): number {
    return this.#gauge.open;
  }

  route(route: HttpRoute): void {
    this.#refuseAfterListen();
    this.#routes.add(route.method, route.path);
    this.#register(route);
  }

  refuseUnder(prefix: string, answer: (refusal: Refusal) => HttpAnswer): void {
    this.#refuseAfterListen();
    this.#refusers.push({ prefix, answer });
  }

  webSocket(endpoint: WebSocketEndpoint): void {
    this.#refuseAfterListen();
    if (this.#endpoint !== null) throw new Error("This server has its WebSocket endpoint already.");
    checkEndpoint(endpoint);
    this.#endpoint = endpoint;
    const onPublishedToOthers = endpoint.onPublishedToOthers ?? (() => undefined);
    const { addresses } = this.#host;
    const host = { app: this.#app, log: this.#log, counters: this.#counters, addresses, onPublishedToOthers };
    const settings = { compression: this.#uws.DISABLED, gauge: this.#gauge };
    const watched = { ...endpoint, idleTimeoutSeconds: watchedTimerSeconds(endpoint.idleTimeoutSeconds) };
    for (const path of endpoint.watchedPaths ?? []) this.#app.ws(path, socketBehavior(watched, host, settings));
    // Upgrades come here before any GET route, and plain GETs go on to those.
    this.#app.ws(EVERY_PATH, socketBehavior(endpoint, host, settings));
  }

  async listen(address: ListenAddress): Promise<{ readonly host: string; readonly port: number }> {
    this.#refuseAfterListen();
    checkRange("port", address.port, { min: 0, max: 65_535 });
    this.#phase = "listening";
    this.#registerDefaults();
    const isShared = address.isShared === true;
    const socket = isShared
      ? this.#tryListen(address, this.#uws.LIBUS_LISTEN_DEFAULT)
      : await this.#listenAlone(address);
    if (socket === false) {
      await findListenPort(address);
      throw listenError(address, "UNKNOWN");
    }
    this.#listenSocket = socket;
    return { host: address.host, port: this.#uws.us_socket_local_port(socket) };
  }

  publish(topic: string, frame: Uint8Array, isBinary: boolean): void {
    // Without a WebSocket route it would crash the process.
    if (this.#endpoint === null || this.#phase === "closed") return;
    this.#app.publish(wireText(topic), frame, isBinary);
  }

  leaveProxy(peerAddress: string, forMs: number): void {
    this.#host.leavingProxies.add(peerAddress, forMs);
  }

  stopListening(): void {
    if (this.#listenSocket === null) return;
    this.#uws.us_listen_socket_close(this.#listenSocket);
    this.#listenSocket = null;
    this.#phase = "accepting_ended";
  }

  async close(): Promise<void> {
    if (this.#phase === "closed") return;
    this.stopListening();
    this.#phase = "closed";
    this.#host.pending.close();
    this.#app.close();
  }

  #refuseAfterListen(): void {
    if (this.#phase !== "routing") throw new Error("The server listens already, or has been closed.");
  }

  /**
   * Connections of a process that has ended keep its port for a minute, unless it was opened to be shared: a restart would fail. So it is
   * shared, and that nobody else shares it is made sure of before: by having it alone for a moment, or, where such connections
   * are in the way, by asking whether somebody listens.
   */
  async #listenAlone(address: ListenAddress): Promise<UwsListenSocket | false> {
    const alone = this.#tryListen(address, this.#uws.LIBUS_LISTEN_EXCLUSIVE_PORT);
    if (alone === false) {
      const port = await findListenPort(address);
      return this.#tryListen({ ...address, port }, this.#uws.LIBUS_LISTEN_DEFAULT);
    }
    const port = this.#uws.us_socket_local_port(alone);
    this.#uws.us_listen_socket_close(alone);
    return this.#tryListen({ ...address, port }, this.#uws.LIBUS_LISTEN_DEFAULT);
  }

  #tryListen(address: ListenAddress, mode: number): UwsListenSocket | false {
    let result: UwsListenSocket | false = false;
    this.#app.listen(address.host, address.port, mode, (socket) => {
      result = socket;
    });
    return result;
  }

  #register(route: HttpRoute): void {
    const handler = this.#handler(route.method, route);
    this.#app[REGISTER[route.method]](route.path, handler);
    if (route.method === "GET") this.#app.head(route.path, this.#handler("HEAD", route));
  }

  #handler(method: string, route: Pick<HttpRoute, "path" | "headers" | "handle">): UwsRequestHandler {
    const host = this.#host;
    const isFixed = !route.path.includes(":") && !route.path.includes("*");
    const target = { method, fixedPath: isFixed ? route.path : null, headerNames: route.headers ?? [] };
    const { handle } = route;
    return (response, request) => new Exchange(host, target, response, request).run(handle);
  }

  /** What is answered where no route is. */
  #registerDefaults(): void {
    for (const path of this.#endpoint?.paths ?? []) {
      if (this.#routes.has("GET", path)) continue;
      this.#routes.add("GET", path);
      this.#register({
        method: "GET",
        path,
        handle: () =>
          upgradeRequired(
            "Connect with a WebSocket client, at ws:// or wss://. If that is what asked, a proxy on the way doesn't pass WebSockets on.",
          ),
      });
    }
    for (const path of this.#routes.paths()) {
      const allow = this.#routes.allow(path);
      if (!this.#routes.has("OPTIONS", path)) {
        this.#app.options(
          path,
          this.#handler("OPTIONS", { path, handle: () => ({ status: 204, headers: { allow } }) }),
        );
      }
      this.#any(path, () => {
        const { headers, ...answer } = this.#refused(
          path,
          refuse("method_not_allowed", `This address answers ${allow}.`),
        );
        return { ...answer, headers: { ...headers, allow } };
      });
    }
    this.#any(EVERY_PATH, ({ path }) => this.#refused(path, refuse("not_found", `Nothing is served at ${path}.`)));
  }

  #refused(path: string, refusal: Refusal): HttpAnswer {
    const refuser = this.#refusers.find(({ prefix }) => path.startsWith(prefix));
    return refuser === undefined ? problem(refusal.code, refusal.message) : refuser.answer(refusal);
  }

  #any(path: string, handle: HttpHandler): void {
    const host = this.#host;
    this.#app.any(path, (response, request) => {
      const target = { method: request.getMethod().toUpperCase(), fixedPath: null, headerNames: [] };
      new Exchange(host, target, response, request).run(handle);
    });
  }
}
