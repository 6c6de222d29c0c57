import { MSGPACK_SUBPROTOCOL } from "@carillon/protocol";
import { Packr } from "msgpackr";
import { WebSocket } from "ws";
import { ConversingClient, type Frame } from "./conversing-client.ts";

/** How to connect. */
export interface NativeClientOptions {
  readonly subprotocol?: string;
  readonly origin?: string;
  /** Source address on loopback: many of them get around the number of ports of one. */
  readonly localAddress?: string;
}

const packr = new Packr({ useRecords: false, mapsAsObjects: true });

/**
 * A raw client of the native protocol over a WebSocket: sends what it is told, keeps every frame it gets, hides nothing.
 * `receivedText` has the JSON frames byte for byte.
 */
export class NativeClient extends ConversingClient {
  readonly #socket: WebSocket;
  readonly #isBinary: boolean;

  private constructor(socket: WebSocket, isBinary: boolean) {
    super();
    this.#socket = socket;
    this.#isBinary = isBinary;
    socket.on("message", (data: Buffer, isBinaryFrame: boolean) => this.#receive(data, isBinaryFrame));
    socket.on("close", (code, reason) => this.end({ code, reason: reason.toString() }));
    socket.on("error", () => undefined);
  }

  /** Connects and resolves when the handshake is done; rejects with the HTTP status in the message when it is refused. */
  static async connect(url: string, options: NativeClientOptions = {}): Promise<NativeClient> {
    const { subprotocol, origin, localAddress } = options;
    const socket = new WebSocket(url, subprotocol === undefined ? [] : [subprotocol], {
      ...(origin === undefined ? {} : { origin }),
      ...(localAddress === undefined ? {} : { localAddress }),
      perMessageDeflate: false,
    });
    const client = new NativeClient(socket, subprotocol === MSGPACK_SUBPROTOCOL);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  /** Connects and waits for the welcome. */
  static async open(url: string, options: NativeClientOptions = {}): Promise<NativeClient> {
    const client = await NativeClient.connect(url, options);
    await client.nextFrame((frame) => frame["type"] === "welcome");
    return client;
  }

  /** The subprotocol that the server chose, "" for none. */
  get subprotocol(): string {
    return this.#socket.protocol;
  }

  send(frame: Frame): void {
    this.#socket.send(this.#isBinary ? packr.pack(frame) : JSON.stringify(frame));
  }

  sendRaw(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      this.take(packr.unpack(data) as Frame);
    } else {
      const text = data.toString();
      this.receivedText.push(text);
      this.take(JSON.parse(text) as Frame);
    }
  }
}
