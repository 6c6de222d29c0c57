import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/** What a server of Pusher's protocol does with events that it doesn't know. */
export type Unknowns = "answered with an error" | "ignored";

interface ClientFrame {
  readonly event: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

const SUBSCRIBE_FIELDS = ["auth", "channel", "channel_data"];

/**
 * A server of Pusher's protocol that knows nothing of Carillon, as small as pusher-js can do with. It is as strict as one may
 * be: a subscribe with a field that Pusher doesn't document is an error.
 */
export class PlainPusherServer implements AsyncDisposable {
  /** What clients have sent, pings aside. */
  readonly received: ClientFrame[] = [];
  pings = 0;
  readonly #server: WebSocketServer;
  readonly #unknowns: Unknowns;
  #connections = 0;

  private constructor(server: WebSocketServer, unknowns: Unknowns) {
    this.#server = server;
    this.#unknowns = unknowns;
    server.on("connection", (socket) => this.#welcome(socket));
  }

  static async start(unknowns: Unknowns): Promise<PlainPusherServer> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await new Promise<void>((resolve) => server.once("listening", resolve));
    return new PlainPusherServer(server, unknowns);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sends an event to everybody. */
  publish(channel: string, event: string, data: unknown): void {
    for (const socket of this.#server.clients) send(socket, { event, channel, data: JSON.stringify(data) });
  }

  /** Ends all connections with a close code. */
  end(code: number): void {
    for (const socket of this.#server.clients) socket.close(code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #welcome(socket: WebSocket): void {
    this.#connections++;
    const data = JSON.stringify({ socket_id: `77.${this.#connections}`, activity_timeout: 120 });
    send(socket, { event: "pusher:connection_established", data });
    socket.on("message", (text: Buffer) => this.#answer(socket, JSON.parse(text.toString()) as ClientFrame));
  }

  #answer(socket: WebSocket, frame: ClientFrame): void {
    if (frame.event === "pusher:ping") {
      this.pings++;
      send(socket, { event: "pusher:pong", data: {} });
      return;
    }
    this.received.push(frame);
    const { channel } = frame.data ?? {};
    if (frame.event === "pusher:subscribe") {
      const strange = Object.keys(frame.data ?? {}).filter((name) => !SUBSCRIBE_FIELDS.includes(name));
      if (strange.length > 0) complain(socket, `unknown fields ${strange}`);
      else send(socket, { event: "pusher_internal:subscription_succeeded", channel, data: "{}" });
    } else if (frame.event !== "pusher:unsubscribe" && this.#unknowns === "answered with an error") {
      complain(socket, `no such event: ${frame.event}`);
    }
  }
}

function complain(socket: WebSocket, message: string): void {
  send(socket, { event: "pusher:error", data: { code: null, message } });
}

function send(socket: WebSocket, frame: unknown): void {
  socket.send(JSON.stringify(frame));
}
