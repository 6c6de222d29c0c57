import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that came. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** What is done with the nth request (from 0). */
export type Answering = (response: ServerResponse, seen: Seen, index: number) => void;

/** A server that answers what no Carillon would: for broken answers, and for those that real parts give too seldom. */
export class FakeServer implements AsyncDisposable {
  readonly seen: Seen[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(answer: Answering): Promise<FakeServer> {
    const server = createServer();
    const fake = new FakeServer(server);
    server.on("request", async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      const { method = "", url = "", headers } = request;
      const seen = { method, url, headers, body };
      answer(response, seen, fake.seen.push(seen) - 1);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Answers a problem JSON. */
export function problem(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/problem+json", ...headers });
  response.end(
    JSON.stringify({ type: `urn:carillon:error:${code}`, title: code, status, detail: `it is ${code}`, code }),
  );
}

/** Answers a publish as accepted. */
export function accept(response: ServerResponse, { body }: Seen): void {
  const event = JSON.parse(body) as { id?: string; channel: string };
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ id: event.id ?? "made", time: 1, channels: [event.channel] }));
}
