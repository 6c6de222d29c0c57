import { WebSocket } from "k6/websockets";
import type { Dialect } from "./dialect.ts";
import type { Link, LinkOwner } from "./link.ts";

/** Opens a WebSocket. */
export function openWebSocket(url: string, dialect: Dialect, owner: LinkOwner): Link {
  return new WebSocketLink(url, dialect, owner);
}

/** One WebSocket of k6. */
class WebSocketLink implements Link {
  readonly #socket: WebSocket;
  readonly #owner: LinkOwner;
  #isConnecting = true;
  #isOver = false;

  constructor(url: string, dialect: Dialect, owner: LinkOwner) {
    this.#owner = owner;
    const headers = dialect.subprotocol === null ? {} : { "Sec-WebSocket-Protocol": dialect.subprotocol };
    // Never a Blob: `binaryType` says so. No tags: k6 would keep a series for each address.
    const socket = new WebSocket(url + dialect.path, null, { headers, tags: {} });
    this.#socket = socket;
    if (dialect.isBinary) socket.binaryType = "arraybuffer" as typeof socket.binaryType;
    socket.onopen = () => {
      this.#isConnecting = false;
      if (this.#isOver) socket.close();
      else owner.opened();
    };
    socket.onmessage = (message) => {
      if (!this.#isOver && message !== undefined) owner.framed(message.data as string | ArrayBuffer, message.timestamp);
    };
    socket.onclose = (close?: unknown) => {
      const code = codeOf(close);
      this.#over(code, `close code ${code}`);
    };
    // A close follows only where the handshake had succeeded.
    socket.onerror = (failure?: unknown) => this.#over(0, errorOf(failure));
  }

  send(frame: string | ArrayBuffer): void {
    if (!this.#isOver) this.#socket.send(frame);
  }

  interrupt(): void {
    this.#over(0, "");
  }

  close(): void {
    this.#isOver = true;
    // k6 (1.8.1) stands still for good in a close before the handshake, and the whole thread with it: nobody takes its last message.
    if (!this.#isConnecting) this.#socket.close();
  }

  #over(code: number, why: string): void {
    this.#isConnecting = false;
    if (this.#isOver) return;
    this.#isOver = true;
    // After an error, in case that the socket is still there.
    this.#socket.close();
    this.#owner.closed(code, why);
  }
}

function codeOf(close: unknown): number {
  const { code } = (close ?? {}) as { code?: unknown };
  return typeof code === "number" ? code : 0;
}

function errorOf(failure: unknown): string {
  const { error } = (failure ?? {}) as { error?: unknown };
  return error === undefined ? "" : String(error);
}
