import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Subscriber } from "./faulty-system.ts";

/** Told behind which frame a session should go on, and all of its frames: behind which one it does, or null when it is gone. */
export type Resumption = (place: { readonly after: number; readonly frames: readonly string[] }) => number | null;

interface EventStreamSessionsOptions {
  readonly resumption: Resumption;
  readonly onBegun: (session: Subscriber) => void;
  readonly onCommand: (session: Subscriber, command: unknown) => void;
  readonly onEnded: (session: Subscriber) => void;
}

/** As much of the native protocol over plain HTTP as a load test uses: `GET /sse` and `POST /send` (N66 to N71). */
export class EventStreamSessions {
  readonly #options: EventStreamSessionsOptions;
  readonly #sessions = new Map<string, Session>();

  constructor(options: EventStreamSessionsOptions) {
    this.#options = options;
  }

  /** Answers a call, if it is one for a session. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    if (pathname === "/sse") this.#stream(searchParams, response);
    else if (pathname === "/send") void this.#send(request, searchParams, response);
    else return false;
    return true;
  }

  #stream(query: URLSearchParams, response: ServerResponse): void {
    const name = query.get("session");
    if (name === null) {
      const session = new Session(randomUUID());
      this.#sessions.set(session.name, session);
      session.attach(response, 0);
      this.#options.onBegun(session);
      return;
    }
    const session = this.#sessions.get(name);
    const { frames = [] } = session ?? {};
    const after = this.#options.resumption({ after: Number(query.get("after")), frames });
    if (session === undefined || after === null) response.writeHead(410).end();
    else session.attach(response, after, { resumed: true });
  }

  async #send(request: IncomingMessage, query: URLSearchParams, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const session = this.#sessions.get(query.get("session") ?? "");
    response.writeHead(session === undefined ? 410 : 204).end();
    if (session === undefined) return;
    for (const command of body === "" ? [] : (JSON.parse(body) as unknown[])) this.#options.onCommand(session, command);
    if (query.get("close") !== "1") return;
    this.#sessions.delete(session.name);
    this.#options.onEnded(session);
    session.terminate();
  }
}

/** One session. What it is sent while nobody fetches waits. */
class Session implements Subscriber {
  readonly name: string;
  readonly frames: string[] = [];
  #response: ServerResponse | null = null;

  constructor(name: string) {
    this.name = name;
  }

  /** Streams what comes after frame `after`, and all that will. */
  attach(response: ServerResponse, after: number, more: object = {}): void {
    this.#response = response;
    response.on("close", () => {
      if (this.#response === response) this.#response = null;
    });
    response.writeHead(200, { "content-type": "text/event-stream", connection: "close" });
    response.write(
      `id: ${after}:${this.name}\nevent: session\ndata: ${JSON.stringify({ session: this.name, ...more })}\n\n`,
    );
    for (let number = after + 1; number <= this.frames.length; number++) this.#write(number);
  }

  send(text: string): void {
    this.frames.push(text);
    this.#write(this.frames.length);
  }

  terminate(): void {
    this.#response?.destroy();
  }

  #write(number: number): void {
    this.#response?.write(`id: ${number}:${this.name}\ndata: ${this.frames[number - 1]}\n\n`);
  }
}
