import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type Clock, createNodeCounters, type NodeCounters } from "@carillon/core";
import WebSocket from "ws";
import type { PublicServer } from "../../src/http/http-types.ts";
import { createPublicServer, type PublicServerOptions } from "../../src/http/uws-server.ts";
import { createLogger } from "../../src/process/logger.ts";

/** A real server on a free port of the loopback, with what it logged. */
export interface TestServer extends AsyncDisposable {
  readonly server: PublicServer;
  readonly port: number;
  readonly url: string;
  readonly counters: NodeCounters;
  /** The `event` of each log line, in order. */
  loggedEvents(): readonly string[];
}

export async function startServer(
  arrange: (server: PublicServer) => void,
  options: Partial<PublicServerOptions> = {},
): Promise<TestServer> {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ format: "json", level: "debug", role: "test", destination });
  const counters = createNodeCounters();
  const server = createPublicServer({ logger, counters, ...options });
  arrange(server);
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    counters,
    loggedEvents: () => lines.map((line) => String((JSON.parse(line) as { event: unknown }).event)),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** Waits until `condition` holds; fails after `timeoutMs`. */
export async function until(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A plain TCP client that collects what it gets. */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket;
  text = "";
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.text += chunk.toString("latin1");
    });
    socket.on("error", () => {
      // A reset by the server is one of the outcomes that tests look for: `isClosed` tells.
    });
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Waits until `text` was received. */
  async received(text: string): Promise<void> {
    await until(() => this.text.includes(text));
  }

  async closed(timeoutMs?: number): Promise<void> {
    await until(() => this.isClosed, timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await until(() => this.isClosed);
  }
}

/** Sends bytes, waits for the server to close, and tells what it answered. */
export async function exchangeUntilClose(port: number, bytes: string | Uint8Array): Promise<string> {
  await using client = await RawClient.open(port);
  client.write(bytes);
  await client.closed();
  return client.text;
}

/** An open WebSocket client that keeps what it gets. */
export class SocketClient implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly frames: string[] = [];
  closeCode: number | null = null;
  closeReason = "";

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => this.frames.push(String(data)));
    socket.on("error", () => {
      // A cut connection is an outcome that tests look for: `closeCode` tells.
    });
    socket.on("close", (code, reason) => {
      this.closeCode = code;
      this.closeReason = String(reason);
    });
  }

  static async open(port: number, path = "/", options: WebSocket.ClientOptions & { protocols?: string[] } = {}) {
    const { protocols = [], ...rest } = options;
    const client = new SocketClient(new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, rest));
    await until(() => client.socket.readyState === WebSocket.OPEN || client.closeCode !== null);
    return client;
  }

  async received(count: number): Promise<readonly string[]> {
    await until(() => this.frames.length >= count);
    return this.frames;
  }

  async closed(timeoutMs?: number): Promise<number> {
    await until(() => this.closeCode !== null, timeoutMs);
    return this.closeCode ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await until(() => this.socket.readyState === WebSocket.CLOSED);
  }
}

/** What a refused upgrade was answered. */
export async function refusedUpgrade(port: number, path: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
  socket.on("error", () => {
    // Follows when the answer was taken by the listener below.
  });
  const [, response] = await once(socket, "unexpected-response");
  let body = "";
  for await (const chunk of response) body += chunk;
  return {
    status: response.statusCode as number,
    connection: response.headers.connection as string | undefined,
    type: response.headers["content-type"] as string | undefined,
    body: JSON.parse(body) as Record<string, unknown>,
  };
}

/** The head of an upgrade, as a browser would send it. */
export function upgradeHead(path: string): string {
  const lines = [`GET ${path} HTTP/1.1`, "Host: x", "Upgrade: websocket", "Connection: Upgrade"];
  lines.push("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13");
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Time that only passes when a test says so; for repeated tasks. */
export class StepClock implements Clock {
  readonly #tasks = new Set<() => void>();

  now(): number {
    return 0;
  }

  monotonic(): number {
    return 0;
  }

  after(): { cancel(): void } {
    throw new Error("Not used by what is tested here.");
  }

  afterTurn(): never {
    throw new Error("Not used by what is tested here.");
  }

  every(_periodMs: number, task: () => void): { cancel(): void } {
    this.#tasks.add(task);
    return { cancel: () => void this.#tasks.delete(task) };
  }

  /** Runs every repeated task `times` times. */
  step(times: number): void {
    for (let index = 0; index < times; index += 1) for (const task of this.#tasks) task();
  }
}
