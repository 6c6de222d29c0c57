import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Target } from "./messages.ts";
import { nowUs } from "./payload.ts";

/** What a publish client tells its owner. */
interface PublishClientEvents {
  /** The answer to the publish under way; `status` 0 when the connection ended instead. */
  answered(client: PublishClient, channel: number, status: number): void;
}

/** One keep-alive HTTP/1.1 connection that publishes, one request at a time, with as little work as possible. */
export class PublishClient {
  readonly #socket: Socket;
  readonly #head: string;
  readonly #events: PublishClientEvents;
  #answer = "";
  #channel = -1;
  #sentUs = 0;
  #answeredAfterUs = 0;

  constructor(target: Target, bodyBytes: number, events: PublishClientEvents) {
    this.#events = events;
    this.#head =
      `POST /publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${target.publishHeaders}` +
      `Content-Length: ${bodyBytes}\r\n\r\n`;
    this.#socket = connect({ host: "127.0.0.1", port: target.publishPort, noDelay: true });
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (text: string) => this.#read(text));
    // The close that follows says all there is to say.
    this.#socket.on("error", () => undefined);
    this.#socket.once("close", () => this.#finish(0));
  }

  /** How long the publish that was answered last took until then, in microseconds. */
  get answeredAfterUs(): number {
    return this.#answeredAfterUs;
  }

  /** Publishes a body of `bodyBytes`; `index` is handed back with the answer. The one before must have been answered. */
  publish(body: string, index: number): void {
    this.#channel = index;
    this.#sentUs = nowUs();
    // Head and body in one write: a head that is split over segments is refused by some HTTP servers.
    this.#socket.write(this.#head + body, "latin1");
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#answer += text;
    const end = this.#answer.indexOf("\r\n\r\n");
    if (end === -1) return;
    const length = /^content-length: *(\d+)/im.exec(this.#answer.slice(0, end))?.[1] ?? "0";
    if (this.#answer.length < end + 4 + Number(length)) return;
    const status = Number(this.#answer.slice(9, 12));
    this.#answer = "";
    this.#finish(status);
  }

  #finish(status: number): void {
    const channel = this.#channel;
    if (channel === -1) return;
    this.#channel = -1;
    this.#answeredAfterUs = nowUs() - this.#sentUs;
    this.#events.answered(this, channel, status);
  }
}
