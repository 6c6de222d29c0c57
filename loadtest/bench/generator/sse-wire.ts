import { ChunkedBody } from "./chunked-body.ts";
import { HttpSocket } from "./http-socket.ts";
import type { SubscriberWire, WireOptions } from "./wire.ts";

const BLANK_LINE = Buffer.from("\n\n");
const DATA = Buffer.from("data: ");
const EVENT = Buffer.from("event: ");

/** The client's side of one event stream. */
export class SseWire implements SubscriberWire {
  readonly #options: WireOptions;
  readonly #socket: HttpSocket;
  readonly #body = new ChunkedBody((bytes, start, end) => this.#take(bytes.subarray(start, end)));
  #head: string | null = "";
  #rest: Buffer = Buffer.alloc(0);

  constructor(options: WireOptions) {
    this.#options = options;
    const { owner, path, channel } = options;
    this.#socket = new HttpSocket({
      ...options,
      onConnect: () => this.#socket.get(`${path}&channels=${channel}`),
      onRead: (bytes, length) => this.#read(bytes, length),
      onLost: () => owner.lost(),
    });
  }

  get isOpen(): boolean {
    return this.#head === null;
  }

  send(): void {
    // The query has done so.
  }

  drop(): void {
    this.#socket.drop();
  }

  #read(bytes: Buffer, length: number): void {
    let from = 0;
    if (this.#head !== null) {
      const before = this.#head.length;
      this.#head += bytes.toString("latin1", 0, length);
      const end = this.#head.indexOf("\r\n\r\n");
      if (end === -1) return;
      if (!this.#head.startsWith("HTTP/1.1 200")) throw new Error(`a stream was answered ${this.#head.slice(0, end)}`);
      from = end + 4 - before;
      this.#head = null;
      this.#options.owner.opened();
    }
    this.#body.push(bytes, from, length);
    this.#options.owner.readEnded();
  }

  #take(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let start = 0;
    for (let end = bytes.indexOf(BLANK_LINE); end !== -1; end = bytes.indexOf(BLANK_LINE, start)) {
      this.#event(bytes.subarray(start, end));
      start = end + BLANK_LINE.length;
    }
    this.#rest = Buffer.from(bytes.subarray(start));
  }

  /** A frame is an event without a name, whose data is its last line. */
  #event(event: Buffer): void {
    const at = event.indexOf(DATA);
    if (at === -1 || event.indexOf(EVENT) !== -1) return;
    this.#options.owner.framed(event, at + DATA.length, event.length);
  }
}
