import { MSGPACK_SUBPROTOCOL } from "@carillon/protocol";
import { Packr } from "msgpackr";
import { WebSocket } from "ws";

/** A decoded frame. */
export type Frame = Readonly<Record<string, unknown>>;

/** An event as a client got it. */
export interface Delivery {
  readonly channel: string;
  readonly event: string;
  readonly payload: unknown;
  /** On channels with history. */
  readonly position?: string;
}

/** How to connect. */
export interface NativeClientOptions {
  readonly subprotocol?: string;
  readonly origin?: string;
  /** Source address on loopback: many of them get around the number of ports of one. */
  readonly localAddress?: string;
}

/** How a connection ended. */
export interface Closure {
  readonly code: number;
  readonly reason: string;
}

const WITHIN_MS = 10_000;
const packr = new Packr({ useRecords: false, mapsAsObjects: true });

/**
 * A raw client of the native protocol: sends what it is told, keeps every frame it gets, hides nothing. `receivedText` has
 * the JSON frames byte for byte.
 */
export class NativeClient {
  readonly frames: Frame[] = [];
  readonly receivedText: string[] = [];
  /** Resolves when the connection has ended. */
  readonly closed: Promise<Closure>;
  readonly #socket: WebSocket;
  readonly #isBinary: boolean;
  readonly #waiting = new Set<() => void>();
  #closure: Closure | null = null;
  #lastId = 0;

  private constructor(socket: WebSocket, isBinary: boolean) {
    this.#socket = socket;
    this.#isBinary = isBinary;
    socket.on("message", (data: Buffer, isBinaryFrame: boolean) => this.#receive(data, isBinaryFrame));
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.#closure = { code, reason: reason.toString() };
        resolve(this.#closure);
        for (const check of this.#waiting) check();
      });
    });
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

  /** From the welcome. */
  get connectionId(): string {
    const welcome = this.frames.find((frame) => frame["type"] === "welcome");
    return String(welcome?.["connectionId"]);
  }

  /** The subprotocol that the server chose, "" for none. */
  get subprotocol(): string {
    return this.#socket.protocol;
  }

  /** The events so far, in order. */
  get deliveries(): readonly Delivery[] {
    return this.frames.filter((frame) => frame["type"] === undefined) as unknown as readonly Delivery[];
  }

  /** Sends one frame in the client's encoding. */
  send(frame: Frame): void {
    this.#socket.send(this.#isBinary ? packr.pack(frame) : JSON.stringify(frame));
  }

  /** Sends bytes or text as they are. */
  sendRaw(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  /** Sends a command with an id and resolves with its reply, whatever that says. */
  async request(command: Frame): Promise<Frame> {
    this.#lastId++;
    const id = this.#lastId;
    this.send({ ...command, id });
    return this.nextFrame((frame) => frame["id"] === id);
  }

  /** Subscribes and fails the test when that is refused. */
  async subscribe(channel: string, more: Frame = {}): Promise<void> {
    const reply = await this.request({ type: "subscribe", channel, ...more });
    if (reply["type"] !== "subscribed") throw new Error(`subscribe was answered ${JSON.stringify(reply)}`);
  }

  /** The first frame, of those that came or will come, that fits; rejects after ten seconds or when the connection ends. */
  async nextFrame(fits: (frame: Frame) => boolean): Promise<Frame> {
    return this.#until(() => this.frames.find(fits), "a frame that fits");
  }

  /** Resolves with the events once there are at least `count`. */
  async events(count: number): Promise<readonly Delivery[]> {
    return this.#until(() => (this.deliveries.length >= count ? this.deliveries : undefined), `${count} events`);
  }

  /** Drops frames that a long test has no more use for. */
  forget(isDone: (frame: Frame) => boolean): void {
    const kept = this.frames.filter((frame) => !isDone(frame));
    this.frames.splice(0, this.frames.length, ...kept);
    this.receivedText.length = 0;
  }

  /** Stops reading from the socket: the client becomes a slow consumer. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#socket.resume();
  }

  /** Closes and waits until it is closed. */
  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }

  /** Cuts the connection without a close frame. */
  terminate(): void {
    this.#socket.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate();
    await this.closed;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      this.frames.push(packr.unpack(data) as Frame);
    } else {
      const text = data.toString();
      this.receivedText.push(text);
      this.frames.push(JSON.parse(text) as Frame);
    }
    for (const check of this.#waiting) check();
  }

  #until<T>(find: () => T | undefined, what: string): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const finish = (act: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        act();
      };
      const check = () => {
        const found = find();
        if (found !== undefined) finish(() => resolve(found));
        else if (this.#closure !== null) {
          finish(() => reject(new Error(`closed with ${JSON.stringify(this.#closure)} before ${what}`)));
        }
      };
      const timer = setTimeout(() => {
        finish(() =>
          reject(new Error(`no ${what} within ${WITHIN_MS} ms; got ${JSON.stringify(this.frames.slice(-5))}`)),
        );
      }, WITHIN_MS);
      this.#waiting.add(check);
      check();
    });
  }
}
