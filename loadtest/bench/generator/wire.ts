import type { Socket } from "node:net";
import { connect } from "node:net";
import { FrameSplitter } from "./frame-splitter.ts";

const TEXT = 1;
const BINARY = 2;
const PING = 9;
const PONG = 10;

/** Longest text that {@link Wire.send} takes, in bytes: what fits into a frame's length of 16 bits. */
const MAX_SENT_BYTES = 65_535;
/** Longest payload whose length fits into the short form. */
const MAX_SHORT_BYTES = 125;
const LENGTH_OF_16_BITS = 126;

// One buffer for all sockets: reads are handled before the next one happens, and nothing is allocated for them.
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

/** What a wire tells its owner. */
export interface WireOwner {
  /** The handshake is done. */
  opened(): void;
  /** A text or binary frame; its payload is `bytes[start..end)`, valid during the call only. */
  framed(bytes: Buffer, start: number, end: number): void;
  /** All frames of one read of the socket were handed over. */
  readEnded(): void;
  /** The connection ended, and not because of `drop`. */
  lost(): void;
}

/** A subscriber's connection, whatever carries it. */
export interface SubscriberWire {
  /** True when the handshake is done. */
  readonly isOpen: boolean;
  /** Says a text. Over HTTP nothing is: the query has subscribed to the channel already. */
  send(text: string): void;
  /** Ends the connection by a reset. */
  drop(): void;
}

/** Where a wire leads. */
export interface WireOptions {
  readonly port: number;
  /** Path and query. */
  readonly path: string;
  /** The first channel that will be subscribed to. */
  readonly channel: string;
  /** Address to connect from: many of them give more connections than one address has ports. */
  readonly localAddress: string;
  readonly owner: WireOwner;
}

/** The client's side of one WebSocket on a bare TCP socket, with as little work as possible. */
export class Wire implements SubscriberWire {
  readonly #owner: WireOwner;
  readonly #socket: Socket;
  readonly #splitter = new FrameSplitter();
  #head: string | null = "";
  #isDropped = false;

  constructor({ port, path, localAddress, owner }: Omit<WireOptions, "channel">) {
    this.#owner = owner;
    this.#socket = connect({
      host: "127.0.0.1",
      port,
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
    this.#socket.once("connect", () => this.#socket.write(handshake(path), "latin1"));
    // The close that follows says all there is to say.
    this.#socket.on("error", () => undefined);
    this.#socket.once("close", () => {
      if (!this.#isDropped) owner.lost();
    });
  }

  /** True when the handshake is done. */
  get isOpen(): boolean {
    return this.#head === null;
  }

  /** Sends a text frame. Throws a RangeError for more than {@link MAX_SENT_BYTES}. */
  send(text: string): void {
    const payload = Buffer.from(text);
    if (payload.length > MAX_SENT_BYTES) throw new RangeError(`the bench sends at most ${MAX_SENT_BYTES} bytes`);
    this.#socket.write(clientFrame(TEXT, payload));
  }

  /** Ends the connection by a reset: no closing frame, and no port that rests for a minute and slows later connects down. */
  drop(): void {
    this.#isDropped = true;
    this.#socket.resetAndDestroy();
  }

  /** Called by the splitter for each frame. */
  frame(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === PING) this.#socket.write(clientFrame(PONG, bytes.subarray(start, end)));
    // What arrived before the reset is as lost to a client as what didn't.
    if ((opcode === TEXT || opcode === BINARY) && !this.#isDropped) this.#owner.framed(bytes, start, end);
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
      this.#owner.opened();
    }
    this.#splitter.split(bytes, count, this);
    this.#owner.readEnded();
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
  const { length } = payload;
  const lengthBytes =
    length <= MAX_SHORT_BYTES ? [0x80 | length] : [0x80 | LENGTH_OF_16_BITS, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...lengthBytes, 0, 0, 0, 0]), payload]);
}
