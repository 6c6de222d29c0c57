import { WebSocket } from "ws";
import type { Closure } from "./conversing-client.ts";
import { eventually } from "./eventually.ts";

/** A frame of a Pusher client, with `data` as it came. */
export interface PusherFrame {
  readonly event: string;
  readonly channel?: string;
  readonly data?: unknown;
  readonly user_id?: string;
  /** Only for those who asked for recovery. */
  readonly position?: string;
  readonly recovered?: boolean;
  readonly reason?: string;
}

/** How to connect. */
export interface PusherClientOptions {
  readonly subprotocols?: readonly string[];
  readonly origin?: string;
  /** True: WebSocket pings are not answered. */
  readonly isMute?: boolean;
}

const WITHIN_MS = 10_000;

/** A raw client of the Pusher protocol: sends what it is told, keeps every frame it gets, hides nothing. */
export class PusherClient {
  readonly frames: PusherFrame[] = [];
  /** The frames byte for byte. */
  readonly texts: string[] = [];
  /** Resolves when the connection has ended. */
  readonly closed: Promise<Closure>;
  readonly #socket: WebSocket;
  #closure: Closure | null = null;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      this.texts.push(data.toString());
      this.frames.push(JSON.parse(data.toString()) as PusherFrame);
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.#closure = { code, reason: reason.toString() };
        resolve(this.#closure);
      });
    });
    socket.on("error", () => undefined);
  }

  /** Connects and resolves when the handshake is done. */
  static async connect(url: string, options: PusherClientOptions = {}): Promise<PusherClient> {
    const { subprotocols = [], origin, isMute = false } = options;
    const socket = new WebSocket(url, [...subprotocols], {
      ...(origin === undefined ? {} : { origin }),
      autoPong: !isMute,
      perMessageDeflate: false,
    });
    const client = new PusherClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  /** Connects and waits for the first frame. */
  static async open(url: string, options: PusherClientOptions = {}): Promise<PusherClient> {
    const client = await PusherClient.connect(url, options);
    await client.next("pusher:connection_established");
    return client;
  }

  /** From the first frame. */
  get socketId(): string {
    const { data } = this.frames.find(({ event }) => event === "pusher:connection_established") ?? {};
    return (JSON.parse(String(data)) as { readonly socket_id: string }).socket_id;
  }

  /** The subprotocol that the server chose, "" for none. */
  get subprotocol(): string {
    return this.#socket.protocol;
  }

  /** Frames with this event name, on this channel where one is given. */
  all(event: string, channel?: string): readonly PusherFrame[] {
    return this.frames.filter((frame) => frame.event === event && (channel === undefined || frame.channel === channel));
  }

  /** The `count`-th frame with this event name, on this channel where one is given, once it is there. */
  async next(event: string, channel?: string, count = 1): Promise<PusherFrame> {
    return this.until(
      () => this.all(event, channel)[count - 1],
      `${event}${channel === undefined ? "" : ` on ${channel}`}`,
    );
  }

  /** What `find` finds, once it does; rejects after ten seconds, or when the connection has ended. */
  async until<T>(find: () => T | undefined, what: string): Promise<T> {
    let found: T | undefined;
    await eventually(
      () => {
        found = find();
        if (found === undefined && this.#closure === null) {
          throw new Error(`no ${what}; got ${JSON.stringify(this.frames.slice(-5))}`);
        }
      },
      { timeoutMs: WITHIN_MS },
    );
    if (found === undefined) throw new Error(`closed with ${JSON.stringify(this.#closure)} before ${what}`);
    return found;
  }

  send(event: string, data: unknown, channel?: string): void {
    this.sendRaw(JSON.stringify({ event, ...(channel === undefined ? {} : { channel }), data }));
  }

  /** Sends text or bytes as they are. */
  sendRaw(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  /** Asks for recovery, and resolves with the answer. */
  async askForRecovery(): Promise<PusherFrame> {
    const before = this.all("pusher:pong").length;
    this.send("pusher:ping", { recovery: 1 });
    return this.next("pusher:pong", undefined, before + 1);
  }

  /** Asks for a channel, and resolves with the answer, whatever that says. */
  async subscribe(channel: string, more: Readonly<Record<string, unknown>> = {}): Promise<PusherFrame> {
    const isAnswer = ({ event, channel: of }: PusherFrame) =>
      of === channel && (event === "pusher_internal:subscription_succeeded" || event === "pusher:subscription_error");
    const before = this.frames.filter(isAnswer).length;
    this.send("pusher:subscribe", { channel, ...more });
    return this.until(() => this.frames.filter(isAnswer)[before], `answer on ${channel}`);
  }

  /** Sends bytes as a text frame, whether they are text or not. */
  sendRawText(data: Uint8Array): void {
    this.#socket.send(data, { binary: false });
  }

  /** How it ended; null while it is open. */
  get closure(): Closure | null {
    return this.#closure;
  }

  /** Resolves when the server has handled all that was sent so far. */
  async settle(): Promise<void> {
    const before = this.all("pusher:pong").length;
    this.send("pusher:ping", {});
    await this.next("pusher:pong", undefined, before + 1);
  }

  /** Cuts the connection without a close frame. */
  terminate(): void {
    this.#socket.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate();
    await this.closed;
  }
}
