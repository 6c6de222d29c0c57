import { backoffMs } from "./backoff.ts";
import { EventStreamReader } from "./event-stream.ts";
import { checkFrame, type LinkOwner, type Transport, type TransportLink } from "./transport.ts";
import { Upstream } from "./upstream.ts";
import type { WireCommand, WireFrame } from "./wire.ts";

const ABNORMAL = 1006;
const RETRY = { minMs: 200, maxMs: 2_000 };
/** A session that could not be reached for so long is gone. */
const GIVE_UP_MS = 10_000;

/** Frames over HTTP, where WebSockets don't get through: as an event stream, or by polls; commands go by POST. */
export class HttpTransport implements Transport {
  readonly name: "sse" | "poll";

  constructor(name: "sse" | "poll") {
    this.name = name;
  }

  open(url: string, owner: LinkOwner): TransportLink {
    return new HttpLink(this.name, url, owner);
  }
}

/** How a connection ended, as the server says it. */
interface Close {
  readonly code: number;
  readonly reason: string;
}

class HttpLink implements TransportLink {
  readonly #owner: LinkOwner;
  readonly #upstream: Upstream;
  readonly #stop = new AbortController();
  readonly #base: string;
  #query: string;
  #session: string | null = null;
  #after = 0;
  #aliveAtMs = performance.now();

  constructor(name: "sse" | "poll", url: string, owner: LinkOwner) {
    const [path = "", query = ""] = url.replace(/^ws/, "http").split("?");
    this.#base = path.replace(/\/ws$/, "/");
    this.#query = query;
    this.#owner = owner;
    this.#upstream = new Upstream({
      url: `${this.#base}send`,
      onLost: (reason) => this.#lose({ code: ABNORMAL, reason }),
    });
    void this.#run(name === "sse" ? () => this.#stream() : () => this.#poll());
  }

  send(command: WireCommand, maxBytes: number): void {
    this.#upstream.send(checkFrame(JSON.stringify(command), maxBytes));
  }

  close(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#upstream.close();
  }

  /** Fetches again and again; `fetchOnce` rejects when it could not. */
  async #run(fetchOnce: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await fetchOnce();
        failures = 0;
      } catch {
        // Before there is a session another transport may do better; later it is waited for.
        const isOver = this.#session === null || performance.now() - this.#aliveAtMs > GIVE_UP_MS;
        if (isOver) this.#lose({ code: ABNORMAL, reason: "the server could not be reached" });
        else await new Promise((resolve) => setTimeout(resolve, backoffMs(RETRY, failures++)));
      }
    }
  }

  async #get(path: string): Promise<Response> {
    const place = this.#session === null ? this.#query : `session=${this.#session}&after=${this.#after}`;
    const response = await fetch(`${this.#base}${path}?${place}`, { signal: this.#stop.signal, cache: "no-store" });
    if (response.status === 410) this.#lose({ code: ABNORMAL, reason: "the session is gone" });
    // Nobody reads what it says: see #run.
    if (!response.ok) throw new Error(path);
    this.#aliveAtMs = performance.now();
    return response;
  }

  async #poll(): Promise<void> {
    const response = await this.#get("poll");
    const { session, frames, next, close } = (await response.json()) as PollAnswer;
    this.#aliveAtMs = performance.now();
    this.#begin(session);
    this.#after = next;
    for (const frame of frames) this.#owner.onFrame(frame);
    if (close !== undefined) this.#lose(close);
  }

  async #stream(): Promise<void> {
    const { body } = await this.#get("sse");
    if (body === null) throw new Error("sse");
    const events = new EventStreamReader();
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (let isAlive = false; ; ) {
      const { done, value } = await reader.read();
      // The answer of something else, such as a page: to ask again at once would be a loop.
      if (done && !isAlive) throw new Error("sse");
      if (done) return;
      this.#aliveAtMs = performance.now();
      for (const { type, data, id } of events.push(decoder.decode(value, { stream: true }))) {
        isAlive = true;
        if (type === "session") this.#begin((JSON.parse(data) as { session: string }).session);
        else if (type === "close") this.#lose(JSON.parse(data) as Close);
        else {
          this.#after = Number.parseInt(id, 10);
          this.#owner.onFrame(JSON.parse(data) as WireFrame);
        }
      }
    }
  }

  #begin(session: string): void {
    if (this.#session !== null || this.#stop.signal.aborted) return;
    this.#session = session;
    this.#upstream.begin(session);
  }

  #lose({ code, reason }: Close): void {
    if (this.#stop.signal.aborted) return;
    this.close();
    this.#owner.onClosed(code, reason);
  }
}

interface PollAnswer {
  readonly session: string;
  readonly frames: readonly WireFrame[];
  readonly next: number;
  readonly close?: Close;
}
