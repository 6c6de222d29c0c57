import { WebSocket } from "k6/websockets";
import type { Dialect } from "./dialect.ts";

/** What a link tells its owner, and nothing more once the owner has closed it. */
export interface LinkOwner {
  opened(): void;
  /** `readAtMs`: when k6 took the frame from its connection, which a busy thread is told of only later. */
  framed(frame: string | ArrayBuffer, readAtMs: number): void;
  /** It ended, or never came to be; told once. 0 when there is no close code. */
  closed(code: number): void;
}

/** One WebSocket of k6. */
export class Link {
  readonly #socket: WebSocket;
  readonly #owner: LinkOwner;
  #isOver = false;

  constructor(url: string, dialect: Dialect, owner: LinkOwner) {
    this.#owner = owner;
    const headers = dialect.subprotocol === null ? {} : { "Sec-WebSocket-Protocol": dialect.subprotocol };
    // Never a Blob: `binaryType` says so. No tags: k6 would keep a series for each address.
    const socket = new WebSocket(url + dialect.path, null, { headers, tags: {} });
    this.#socket = socket;
    if (dialect.isBinary) socket.binaryType = "arraybuffer" as typeof socket.binaryType;
    socket.onopen = () => {
      if (!this.#isOver) owner.opened();
    };
    socket.onmessage = (message) => {
      if (!this.#isOver && message !== undefined) owner.framed(message.data as string | ArrayBuffer, message.timestamp);
    };
    socket.onclose = (close?: unknown) => this.#over(codeOf(close));
    // A close follows only where the handshake had succeeded.
    socket.onerror = () => this.#over(0);
  }

  send(frame: string | ArrayBuffer): void {
    if (!this.#isOver) this.#socket.send(frame);
  }

  /** Ends it; the owner isn't told. */
  close(): void {
    this.#isOver = true;
    this.#socket.close();
  }

  #over(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // After an error, in case that the socket is still there.
    this.#socket.close();
    this.#owner.closed(code);
  }
}

function codeOf(close: unknown): number {
  const { code } = (close ?? {}) as { code?: unknown };
  return typeof code === "number" ? code : 0;
}
