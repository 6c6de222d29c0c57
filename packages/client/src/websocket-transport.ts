import { checkFrame, type LinkOwner, type Transport, type TransportLink } from "./transport.ts";
import type { WireCommand, WireFrame } from "./wire.ts";

/** The part of a WebSocket that is used: the browser's, Node's from version 22 on, or that of the package `ws`. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** Makes WebSockets. */
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocketLike;

/** The form of frames on a WebSocket. */
export interface WireFormat {
  /** The subprotocol that asks for it; absent: none, which means JSON. */
  readonly subprotocol?: string;
  encode(command: WireCommand): string | Uint8Array<ArrayBuffer>;
  /** Throws for what is no frame. */
  decode(data: unknown): WireFrame;
}

/** JSON, the default. */
export const JSON_FORMAT: WireFormat = {
  encode: (command) => JSON.stringify(command),
  decode: (data) => JSON.parse(String(data)) as WireFrame,
};

const OPEN = 1;
const ABNORMAL = 1006;

/** Frames over a WebSocket. */
export class WebSocketTransport implements Transport {
  readonly name = "websocket";
  readonly #WebSocket: WebSocketConstructor;
  readonly #format: WireFormat;

  constructor(WebSocket: WebSocketConstructor, format: WireFormat) {
    this.#WebSocket = WebSocket;
    this.#format = format;
  }

  open(url: string, owner: LinkOwner): TransportLink {
    const { subprotocol } = this.#format;
    const socket = new this.#WebSocket(url, subprotocol === undefined ? [] : [subprotocol]);
    return new WebSocketLink(socket, this.#format, owner);
  }
}

class WebSocketLink implements TransportLink {
  readonly #socket: WebSocketLike;
  readonly #format: WireFormat;

  constructor(socket: WebSocketLike, format: WireFormat, owner: LinkOwner) {
    this.#socket = socket;
    this.#format = format;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }: { data: unknown }) => {
      let frame: WireFrame;
      try {
        frame = format.decode(data);
      } catch {
        // Something between has bent it: what else is missing can't be known.
        this.close();
        owner.onClosed(ABNORMAL, "a frame could not be read");
        return;
      }
      owner.onFrame(frame);
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => owner.onClosed(code, reason);
    // What went wrong is not told to scripts; the close that follows says all there is.
    socket.onerror = () => undefined;
  }

  send(command: WireCommand, maxBytes: number): void {
    const frame = checkFrame(this.#format.encode(command), maxBytes);
    if (this.#socket.readyState === OPEN) this.#socket.send(frame);
  }

  close(): void {
    const socket = this.#socket;
    socket.onmessage = null;
    socket.onclose = null;
    try {
      socket.close(1000);
    } catch {
      // One that is still connecting; it ends all the same.
    }
  }
}
