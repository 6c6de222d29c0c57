import { connect, type Socket } from "node:net";
import type { NatsServer } from "@carillon/testkit";

/**
 * Subscribes to everything and never reads. Once much waits for it the server stalls those who publish, and in the end it cuts it
 * off: a server with such a client sits on messages between looking up who gets them and handing them out.
 */
export class NeverReader {
  readonly #socket: Socket;

  constructor(server: NatsServer) {
    this.#socket = connect({ port: server.port, host: "127.0.0.1" });
    this.#socket.on("error", () => undefined);
    this.#socket.write('CONNECT {"verbose":false,"pedantic":false}\r\nSUB > 1\r\n');
  }

  stop(): void {
    this.#socket.destroy();
  }
}
