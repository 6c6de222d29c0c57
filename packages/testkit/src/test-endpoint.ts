import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One event of a webhook body. */
export interface ToldEvent {
  readonly name: string;
  readonly channel: string;
  readonly id: string;
  readonly [field: string]: unknown;
}

/** One request that an endpoint has got. */
export interface ToldRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly events: readonly ToldEvent[];
  readonly timeMs: number;
}

/** What an endpoint does with a request: answers a status, never answers, or cuts the connection. */
export type Behaviour = number | "hang" | "cut" | ((response: ServerResponse) => void);

/** An application's webhook endpoint: a real HTTP server that keeps what it gets. */
export class TestEndpoint {
  readonly url: string;
  /** Requests that were answered 2xx. */
  readonly taken: ToldRequest[] = [];
  /** All requests, whatever became of them. */
  readonly requests: ToldRequest[] = [];
  /** Most requests that were open at a time. */
  maxOpen = 0;
  /** Asked for each request; default: 200. */
  behave: (request: ToldRequest) => Behaviour = () => 200;
  readonly #server: Server;
  #open = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`;
    server.on("request", (incoming, response) => {
      this.#open++;
      this.maxOpen = Math.max(this.maxOpen, this.#open);
      response.once("close", () => this.#open--);
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => this.#take(incoming.headers, Buffer.concat(chunks).toString(), response));
    });
  }

  /** Listens on a port of 127.0.0.1; 0 for any free one. Rejects when it is taken. */
  static async start(port = 0): Promise<TestEndpoint> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    return new TestEndpoint(server);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Events of the requests that were answered 2xx, in the order in which they came. */
  get events(): ToldEvent[] {
    return this.taken.flatMap(({ events }) => events);
  }

  /** {@link events} without those whose id came before: what an application acts on. */
  get distinctEvents(): ToldEvent[] {
    const seen = new Set<string>();
    return this.events.filter(({ id }) => !seen.has(id) && seen.add(id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(headers: IncomingHttpHeaders, body: string, response: ServerResponse): void {
    const { events, time_ms: timeMs } = JSON.parse(body) as { events: ToldEvent[]; time_ms: number };
    const request: ToldRequest = { headers, body, events, timeMs };
    this.requests.push(request);
    const behaviour = this.behave(request);
    if (behaviour === "hang") return;
    if (behaviour === "cut") {
      response.socket?.destroy();
    } else if (typeof behaviour === "function") {
      behaviour(response);
    } else {
      if (behaviour >= 200 && behaviour < 300) this.taken.push(request);
      response.writeHead(behaviour, behaviour === 302 ? { location: this.url } : {}).end();
    }
  }
}
