import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * An HTTP proxy that brings every request to the next of its targets, with no regard to who asks: the least sticky load
 * balancer there can be. Bodies and answers are passed on as they come, and an end on one side is an end on the other. Upgrades
 * are refused, as by proxies that know no WebSockets.
 */
export class RoundRobinProxy implements AsyncDisposable {
  /** Its origin. */
  readonly url: string;
  /** Requests so far, by target. */
  readonly requests = new Map<string, number>();
  readonly #targets: () => readonly string[];
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  #next = 0;

  private constructor(server: Server, targets: () => readonly string[]) {
    this.#server = server;
    this.#targets = targets;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (incoming, outgoing) => this.#pass(incoming, outgoing));
    server.on("upgrade", (_incoming, socket) => socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"));
  }

  /** Resolves when it listens. `targets`: origins, asked for at each request. */
  static async start(targets: () => readonly string[]): Promise<RoundRobinProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new RoundRobinProxy(server, targets);
  }

  /** Breaks all connections, and takes new ones. */
  breakConnections(): void {
    this.#server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const targets = this.#targets();
    const target = targets[this.#next++ % targets.length] ?? "";
    this.requests.set(target, (this.requests.get(target) ?? 0) + 1);
    const { method, headers, url } = incoming;
    const onward = request(target + url, { method, headers, agent: this.#agent }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      answer.on("error", () => outgoing.destroy());
      answer.on("close", () => {
        if (!answer.complete) outgoing.destroy();
      });
    });
    onward.on("error", () => {
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(502, { connection: "close" }).end();
    });
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  }
}
