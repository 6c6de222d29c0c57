import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { type Closure, ConversingClient, type Frame } from "./conversing-client.ts";
import { EventStreamParser } from "./event-stream-parser.ts";

/** How to connect. */
export interface HttpClientOptions {
  readonly transport: "sse" | "poll";
  /** Query of the first call, such as `key=…`; default: none. */
  readonly query?: string;
  readonly origin?: string;
  /** False: it doesn't come back after its stream broke. Default true. */
  readonly resumes?: boolean;
  /** Headers of all calls. */
  readonly headers?: Readonly<Record<string, string>>;
}

interface HttpReply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

const RETRY_MS = 50;
const GIVE_UP_AFTER_MS = 15_000;
const GONE: Closure = { code: 1006, reason: "session_gone" };
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/**
 * A raw client of the native protocol over HTTP, as docs/protocol/native.md describes one: fetches by a stream or by polls,
 * posts its commands one after the other under their numbers, and repeats what was not answered. Each call goes to the same
 * origin, behind which may be any number of gateways.
 */
export class HttpClient extends ConversingClient {
  /** The sessions it had; more than one when a stream came back to find its session gone. */
  readonly sessions: string[] = [];
  /** Statuses of its posts. */
  readonly postStatuses: number[] = [];
  /** Streams or polls that were answered. */
  fetches = 0;
  readonly #url: string;
  readonly #options: HttpClientOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #running = new Set<ClientRequest>();
  #isPaused = false;
  #wake: () => void = () => undefined;
  #posts: Promise<void> = Promise.resolve();
  #lastSeq = 0;

  private constructor(url: string, options: HttpClientOptions) {
    super();
    this.#url = url;
    this.#options = options;
  }

  /** Begins to connect to the gateways at `url`, an origin. */
  static connect(url: string, options: HttpClientOptions): HttpClient {
    const client = new HttpClient(url, options);
    const run = options.transport === "sse" ? client.#runStream() : client.#runPolls();
    void run.catch((error: unknown) => client.#finish({ code: 1006, reason: String(error) }));
    return client;
  }

  /** Connects and waits for the welcome. */
  static async open(url: string, options: HttpClientOptions): Promise<HttpClient> {
    const client = HttpClient.connect(url, options);
    await client.nextFrame((frame) => frame["type"] === "welcome");
    return client;
  }

  /** The session it has now. */
  get session(): string {
    return this.sessions.at(-1) ?? "";
  }

  send(frame: Frame): void {
    this.sendRaw(JSON.stringify(frame));
  }

  sendRaw(data: string | Uint8Array): void {
    this.#posts = this.#posts.then(() => this.#post(data));
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake();
  }

  async close(): Promise<void> {
    await this.#posts;
    // The stream may tell of the end before this is answered.
    await this.#call("POST", `/send?session=${this.session}&close=1`).catch(() => undefined);
    this.terminate({ code: 1000, reason: "" });
  }

  terminate(closure: Closure = { code: 1006, reason: "" }): void {
    this.#finish(closure);
  }

  async #post(data: string | Uint8Array): Promise<void> {
    this.#lastSeq++;
    const path = `/send?session=${this.session}&seq=${this.#lastSeq}`;
    const endMs = performance.now() + GIVE_UP_AFTER_MS;
    while (this.closure === null && performance.now() < endMs) {
      const reply = await this.#call("POST", path, data).catch(() => null);
      if (reply !== null) this.postStatuses.push(reply.status);
      if (reply?.status === 410 && this.#options.transport === "poll") this.#finish(GONE);
      if (reply !== null && reply.status !== 503 && reply.status !== 429) return;
      await pause(RETRY_MS);
    }
  }

  async #runStream(): Promise<void> {
    let lastEventId = "";
    let brokenSinceMs = performance.now();
    while (this.closure === null && performance.now() - brokenSinceMs < GIVE_UP_AFTER_MS) {
      const parser = new EventStreamParser(lastEventId);
      const headers = lastEventId === "" ? {} : { "last-event-id": lastEventId };
      try {
        const response = await this.#begin("GET", `/sse?${this.#options.query ?? ""}`, { headers });
        if (response.statusCode === 200) this.fetches++;
        response.setEncoding("utf8");
        for await (const text of response) {
          for (const { type, data, lastEventId: id } of parser.push(String(text))) {
            lastEventId = id;
            this.#event(type, data);
          }
          brokenSinceMs = performance.now();
          await this.#resumed();
        }
      } catch {
        // As EventSource does: it comes back.
      }
      if (this.#options.resumes === false) break;
      await pause(RETRY_MS);
    }
    this.#finish({ code: 1006, reason: "" });
  }

  #event(type: string, data: string): void {
    if (type === "message") {
      this.receivedText.push(data);
      this.take(JSON.parse(data) as Frame);
    } else if (type === "session") {
      const { session } = JSON.parse(data) as { session: string };
      if (session !== this.session) {
        this.sessions.push(session);
        this.#lastSeq = 0;
      }
    } else if (type === "close") {
      this.#finish(JSON.parse(data) as Closure);
    }
  }

  async #runPolls(): Promise<void> {
    let path = `/poll?${this.#options.query ?? ""}`;
    let brokenSinceMs = performance.now();
    while (this.closure === null && performance.now() - brokenSinceMs < GIVE_UP_AFTER_MS) {
      await this.#resumed();
      const reply = await this.#call("GET", path).catch(() => null);
      if (reply?.status === 410) this.#finish(GONE);
      if (reply === null || reply.status !== 200) {
        await pause(RETRY_MS);
        continue;
      }
      brokenSinceMs = performance.now();
      this.fetches++;
      const { session, frames, next, close } = JSON.parse(reply.body) as PollReply;
      if (this.sessions.length === 0) this.sessions.push(session);
      for (const frame of frames) this.take(frame);
      if (close !== undefined) this.#finish(close);
      path = `/poll?session=${session}&after=${next}`;
    }
    this.#finish({ code: 1006, reason: "" });
  }

  /** Whoever doesn't read here leaves the bytes to the socket's buffers. */
  async #resumed(): Promise<void> {
    while (this.#isPaused && this.closure === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #call(method: string, path: string, body?: string | Uint8Array): Promise<HttpReply> {
    const response = await this.#begin(method, path, { headers: {}, ...(body === undefined ? {} : { body }) });
    let text = "";
    response.setEncoding("utf8");
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode ?? 0, headers: response.headers, body: text };
  }

  #begin(
    method: string,
    path: string,
    { headers, body }: { headers: Record<string, string>; body?: string | Uint8Array },
  ): Promise<IncomingMessage> {
    const { origin } = this.#options;
    return new Promise((resolve, reject) => {
      const own = { ...this.#options.headers, ...headers, ...(origin === undefined ? {} : { origin }) };
      const outgoing = request(this.#url + path, { method, headers: own, agent: this.#agent }, resolve);
      this.#running.add(outgoing);
      outgoing.on("error", reject);
      outgoing.on("close", () => this.#running.delete(outgoing));
      outgoing.end(body);
    });
  }

  #finish(closure: Closure): void {
    this.end(closure);
    this.#wake();
    for (const outgoing of [...this.#running]) outgoing.destroy();
    this.#agent.destroy();
  }
}

interface PollReply {
  readonly session: string;
  readonly frames: readonly Frame[];
  readonly next: number;
  readonly close?: Closure;
}
