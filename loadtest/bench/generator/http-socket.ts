import type { Socket } from "node:net";
import { connect } from "node:net";

// One buffer for all sockets: reads are handled before the next one happens, and nothing is allocated for them.
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

/** Where an HttpSocket leads, and who hears of it. */
export interface HttpSocketOptions {
  readonly port: number;
  /** Address to connect from. */
  readonly localAddress: string;
  readonly onConnect: () => void;
  /** The first `length` bytes of `bytes` came; valid during the call only. */
  readonly onRead: (bytes: Buffer, length: number) => void;
  /** It ended, and not because of `drop`. */
  readonly onLost: () => void;
}

/** A bare TCP socket for HTTP, with as little work as possible. */
export class HttpSocket {
  readonly #socket: Socket;
  #isDropped = false;

  constructor({ port, localAddress, onConnect, onRead, onLost }: HttpSocketOptions) {
    this.#socket = connect({
      host: "127.0.0.1",
      port,
      localAddress,
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          if (!this.#isDropped) onRead(READ_BUFFER, length);
          return true;
        },
      },
    });
    this.#socket.once("connect", onConnect);
    // The close that follows says all there is to say.
    this.#socket.on("error", () => undefined);
    this.#socket.once("close", () => {
      if (!this.#isDropped) onLost();
    });
  }

  /** Sends a GET. */
  get(path: string): void {
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, "latin1");
  }

  /** Ends the connection by a reset. */
  drop(): void {
    this.#isDropped = true;
    this.#socket.resetAndDestroy();
  }
}
