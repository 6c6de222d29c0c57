import type { Socket } from "node:net";
import { connect } from "node:net";
import { FrameSplitter } from "./frame-splitter.ts";
import type { Target } from "./messages.ts";
import { latencyOf } from "./payload.ts";

const TEXT = 1;
const BINARY = 2;
const PING = 9;
const PONG = 10;

// One buffer for all sockets: reads are handled before the next one happens, and nothing is allocated for them.
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

/** What a subscriber tells its pool. */
export interface SubscriberEvents {
  /** One read of a socket brought `count` deliveries. */
  delivered(count: number): void;
  /** A delivery to a sampled subscriber: how long it took, in microseconds; null when it was not what was published. */
  sampled(latencyUs: number | null): void;
  /** Connected, and subscribed to all it asked for. */
  ready(subscriber: Subscriber): void;
  /** The connection ended, and not because of `drop`. */
  lost(subscriber: Subscriber): void;
}

/** What a subscriber needs to be made. */
interface SubscriberOptions {
  readonly index: number;
  readonly target: Target;
  readonly channel: string;
  /** Address to connect from: many of them give more connections than one address has ports. */
  readonly localAddress: string;
  /** True: its deliveries are parsed and checked; false: they are only counted. */
  readonly isSampled: boolean;
  readonly events: SubscriberEvents;
}

/** One connection that does what the guide's browser code does, on a bare TCP socket. */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #socket: Socket;
  readonly #splitter = new FrameSplitter();
  #head: string | null = "";
  #pendingReplies = 1;
  #isDropped = false;
  #received = 0;
  #inThisRead = 0;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { target, localAddress } = options;
    this.#socket = connect({
      host: "127.0.0.1",
      port: target.socketPort,
      localAddress,
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          this.#read(length);
          return true;
        },
      },
    });
    this.#socket.once("connect", () => this.#socket.write(handshake(target.socketPath), "latin1"));
    // The close that follows says all there is to say.
    this.#socket.on("error", () => undefined);
    this.#socket.once("close", () => {
      if (!this.#isDropped) options.events.lost(this);
    });
  }

  get index(): number {
    return this.#options.index;
  }

  get isReady(): boolean {
    return this.#head === null && this.#pendingReplies === 0;
  }

  /** Deliveries since it connected. */
  get received(): number {
    return this.#received;
  }

  /** Subscribes to one more channel; `ready` is told again when that stands. */
  subscribe(channel: string): void {
    this.#pendingReplies++;
    this.#socket.write(clientFrame(TEXT, Buffer.from(`{"type":"subscribe","channel":"${channel}"}`)));
  }

  /** Ends the connection by a reset: no closing frame, and no port that rests for a minute and slows later connects down. */
  drop(): void {
    this.#isDropped = true;
    this.#socket.resetAndDestroy();
  }

  /** Called by the splitter for each frame. */
  frame(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === PING) this.#socket.write(clientFrame(PONG, bytes.subarray(start, end)));
    if (opcode !== TEXT && opcode !== BINARY) return;
    if (this.#pendingReplies > 0) {
      this.#readReply(bytes.toString("utf8", start, end));
      return;
    }
    this.#received++;
    this.#inThisRead++;
    if (!this.#options.isSampled) return;
    this.#options.events.sampled(latencyOf(bytes.toString("utf8", start, end), this.#options.channel));
  }

  #read(length: number): void {
    let bytes = READ_BUFFER;
    let count = length;
    if (this.#head !== null) {
      this.#head += READ_BUFFER.toString("latin1", 0, length);
      const end = this.#head.indexOf("\r\n\r\n");
      if (end === -1) return;
      if (!this.#head.startsWith("HTTP/1.1 101")) {
        this.#socket.destroy();
        return;
      }
      bytes = Buffer.from(this.#head.slice(end + 4), "latin1");
      count = bytes.length;
      this.#head = null;
      this.#pendingReplies = 0;
      this.subscribe(this.#options.channel);
    }
    this.#inThisRead = 0;
    this.#splitter.split(bytes, count, this);
    if (this.#inThisRead > 0) this.#options.events.delivered(this.#inThisRead);
  }

  #readReply(text: string): void {
    const { type } = JSON.parse(text) as { type?: unknown };
    // A welcome may come first, or anything else that a client which knows only `subscribed` passes over.
    if (type !== "subscribed") return;
    this.#pendingReplies--;
    if (this.#pendingReplies === 0) this.#options.events.ready(this);
  }
}

function handshake(path: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
  );
}

/** A client's frame must be masked; the mask 0 is as good as any and leaves the payload as it is. */
function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}
