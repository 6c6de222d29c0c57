import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Target } from "./messages.ts";
import { nowUs } from "./payload.ts";
import type { PublishApi } from "./publish-api.ts";
import { PUBLISH_APIS } from "./publish-api.ts";

/** What a publish client tells its owner. */
interface PublishClientEvents {
  /** The answer to the publish under way; `status` 0 when the connection ended instead. */
  answered(client: PublishClient, channel: number, answer: PublishAnswer): void;
}

/** The answer to a publish. */
export interface PublishAnswer {
  /** 0 when the connection ended instead. */
  readonly status: number;
  readonly isAccepted: boolean;
}

/** One keep-alive HTTP/1.1 connection that publishes, one request at a time, with as little work as possible. */
export class PublishClient {
  readonly #target: Target;
  readonly #api: PublishApi;
  readonly #events: PublishClientEvents;
  #socket: Socket | null = null;
  #answer = "";
  #channel = -1;
  #sentUs = 0;
  #answeredAfterUs = 0;

  constructor(target: Target, events: PublishClientEvents) {
    this.#target = target;
    this.#api = PUBLISH_APIS[target.publishApi ?? "native"];
    this.#events = events;
    this.#socket = this.#connect();
  }

  /** How long the publish that was answered last took until then, in microseconds. */
  get answeredAfterUs(): number {
    return this.#answeredAfterUs;
  }

  /** Publishes a body; `index` is handed back with the answer. The one before must have been answered. */
  publish(body: string, index: number): void {
    this.#channel = index;
    this.#sentUs = nowUs();
    this.#socket ??= this.#connect();
    const head =
      `POST ${this.#api.path(body)} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
      `${this.#target.publishHeaders}Content-Length: ${body.length}\r\n\r\n`;
    // Head and body in one write: a head that is split over segments is refused by some HTTP servers.
    this.#socket.write(head + body, "latin1");
  }

  close(): void {
    this.#socket?.destroy();
  }

  #connect(): Socket {
    const socket = connect({ host: "127.0.0.1", port: this.#target.publishPort, noDelay: true });
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#read(text));
    // The close that follows says all there is to say.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      if (socket !== this.#socket) return;
      // Servers close connections that are idle for long: the next publish opens another one.
      this.#socket = null;
      this.#finish({ status: 0, isAccepted: false });
    });
    return socket;
  }

  #read(text: string): void {
    this.#answer += text;
    const end = this.#answer.indexOf("\r\n\r\n");
    if (end === -1) return;
    const head = this.#answer.slice(0, end);
    const body = this.#answer.slice(end + 4);
    if (body.length < Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? "0")) return;
    const status = Number(head.slice(9, 12));
    this.#answer = "";
    if (/^connection: *close/im.test(head)) this.#disconnect();
    this.#finish({ status, isAccepted: this.#api.isAccepted(status, body) });
  }

  /** The server wants a connection of its own for each request: the next one opens it. */
  #disconnect(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  #finish(answer: PublishAnswer): void {
    const channel = this.#channel;
    if (channel === -1) return;
    this.#channel = -1;
    this.#answeredAfterUs = nowUs() - this.#sentUs;
    this.#events.answered(this, channel, answer);
  }
}
