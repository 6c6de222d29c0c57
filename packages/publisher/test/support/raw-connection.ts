import { connect, type Socket } from "node:net";
import { vi } from "vitest";
import { SECRET } from "./running-publisher.ts";

const DEADLINE_MS = 10_000;

/** One plain TCP connection to a server: requests are written byte by byte, and it says when the server closes. */
export class RawConnection {
  readonly #socket: Socket;
  #received = "";
  #isClosed = false;

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (chunk: string) => {
      this.#received += chunk;
    });
    // A reset is one way for a server to close; "close" follows.
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => {
      this.#isClosed = true;
    });
  }

  write(text: string): void {
    this.#socket.write(text, "latin1");
  }

  /** Writes a whole `POST /publish` with the right secret. */
  publish(body: string): void {
    this.write(`${publishHead(`content-length: ${body.length}`)}${body}`);
  }

  /** Waits for the next answer with a body of known length, or with none, and takes it. */
  nextAnswer(): Promise<string> {
    return this.#wait(() => {
      const head = this.#received.indexOf("\r\n\r\n");
      if (head === -1) throw new Error("no answer yet");
      const length = Number(/content-length: (\d+)/i.exec(this.#received.slice(0, head))?.[1] ?? 0);
      const end = head + 4 + length;
      if (this.#received.length < end) throw new Error("no whole answer yet");
      const answer = this.#received.slice(0, end);
      this.#received = this.#received.slice(end);
      return answer;
    });
  }

  /** Waits until the server has closed it. */
  closed(): Promise<void> {
    return this.#wait(() => {
      if (!this.#isClosed) throw new Error("the connection is open");
    });
  }

  cut(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.cut();
  }

  #wait<T>(look: () => T): Promise<T> {
    return vi.waitFor(look, { timeout: DEADLINE_MS, interval: 5 });
  }
}

/** The head of a `POST /publish` with the right secret. */
export function publishHead(...headers: readonly string[]): string {
  return `${["POST /publish HTTP/1.1", "host: test", `x-publish-secret: ${SECRET}`, ...headers].join("\r\n")}\r\n\r\n`;
}
