import type { Transport, WriteResult } from "@carillon/core";
import type { HttpAnswer, HttpRoute, PublicServer, SocketHandler, WebSocketEndpoint } from "@carillon/service";

/** A call of the publish API. */
export interface MemoryCall {
  readonly path: string;
  readonly query: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What a client connects with. */
export interface MemoryUpgrade {
  readonly path: string;
  readonly query: string;
  readonly subprotocol?: string;
}

/**
 * A public server without sockets, so that what is measured is what stands on it. Its topic tree counts how many would be reached, which
 * costs the same however many they are: as the real one, it is one call for those who publish.
 */
export class MemoryServer implements PublicServer {
  readonly #routes = new Map<string, HttpRoute>();
  readonly #members = new Map<string, number>();
  #endpoint: WebSocketEndpoint | null = null;
  openSockets = 0;
  /** How often a frame has reached a client by way of a topic. */
  reached = 0;

  route(route: HttpRoute): void {
    this.#routes.set(route.path, route);
  }

  refuseUnder(): void {
    // Only routes are called.
  }

  webSocket(endpoint: WebSocketEndpoint): void {
    this.#endpoint = endpoint;
  }

  publish(topic: string, _frame: Uint8Array, _isBinary: boolean): void {
    this.reached += this.#members.get(topic) ?? 0;
  }

  /** The same, passing over one of them. */
  publishToOthers(topic: string): void {
    this.reached += Math.max((this.#members.get(topic) ?? 0) - 1, 0);
  }

  join(topic: string): void {
    this.#members.set(topic, (this.#members.get(topic) ?? 0) + 1);
  }

  leave(topic: string): void {
    const left = (this.#members.get(topic) ?? 0) - 1;
    if (left > 0) this.#members.set(topic, left);
    else this.#members.delete(topic);
  }

  /** Opens a connection as a client would. Throws when it is refused. */
  connect({ path, query, subprotocol }: MemoryUpgrade): MemorySocket {
    const decision = this.#endpoint?.decide({
      path,
      query,
      origin: "",
      subprotocols: subprotocol === undefined ? [] : [subprotocol],
    });
    if (decision?.kind !== "accept") throw new Error(`the gateway refused ${path}`);
    const socket = new MemorySocket(this);
    this.openSockets++;
    socket.handler = decision.open(socket);
    return socket;
  }

  /** Posts to a route. `pattern`: the path that it was added with. Answers no streams. */
  async post(pattern: string, { path, query, headers, body }: MemoryCall): Promise<HttpAnswer> {
    const route = this.#routes.get(pattern);
    if (route === undefined) throw new Error(`there is no route ${pattern}`);
    const answer = await route.handle({
      method: "POST",
      path,
      query,
      remoteAddress: "127.0.0.1",
      peerAddress: "127.0.0.1",
      header: (name) => headers[name] ?? "",
      body: () => Promise.resolve({ kind: "complete", bytes: body }),
      onAborted: () => undefined,
    });
    if ("open" in answer) throw new Error(`${pattern} answers with a stream`);
    return answer;
  }

  listen(): Promise<{ readonly host: string; readonly port: number }> {
    return Promise.resolve({ host: "memory", port: 0 });
  }

  leaveProxy(): void {
    // There is no connection to close.
  }

  stopListening(): void {
    // Nobody can come but by `connect`.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A client's connection. It keeps what it was sent last, and counts the rest. */
export class MemorySocket implements Transport {
  readonly isOpen = true;
  readonly bufferedBytes = 0;
  readonly remoteAddress = "127.0.0.1";
  readonly peerAddress = "127.0.0.1";
  readonly #server: MemoryServer;
  handler: SocketHandler | null = null;
  /** Frames that were written to this connection alone. */
  frames = 0;
  last: string | Uint8Array = "";

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  /** Ends it as a lost connection ends. */
  cut(): void {
    this.#server.openSockets--;
    this.handler?.onClose(1006, false);
    this.handler = null;
  }

  /** Sends a frame as the client. */
  send(frame: Uint8Array, isBinary = false): void {
    this.handler?.onFrame(frame, isBinary);
  }

  write(frame: string | Uint8Array): WriteResult {
    this.frames++;
    this.last = frame;
    return "sent";
  }

  writeAll(frames: readonly (string | Uint8Array)[]): void {
    this.frames += frames.length;
    this.last = frames.at(-1) ?? this.last;
  }

  joinTopic(topic: string): void {
    this.#server.join(topic);
  }

  leaveTopic(topic: string): void {
    this.#server.leave(topic);
  }

  publishToOthers(topic: string): void {
    this.#server.publishToOthers(topic);
  }

  close(code: number, reason: string): void {
    throw new Error(`the connection was closed with ${code} ${reason}`);
  }

  terminate(): void {
    throw new Error("the connection was cut");
  }
}
