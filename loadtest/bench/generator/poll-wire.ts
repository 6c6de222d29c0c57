import { HttpSocket } from "./http-socket.ts";
import type { SubscriberWire, WireOptions } from "./wire.ts";

const HEAD_END = Buffer.from("\r\n\r\n");

interface PollAnswer {
  readonly session: string;
  readonly frames: readonly unknown[];
  readonly next: number;
  readonly close?: unknown;
}

/** The client's side of one session that is polled, on one connection that is kept. */
export class PollWire implements SubscriberWire {
  readonly #options: WireOptions;
  readonly #socket: HttpSocket;
  #isOpen = false;
  #rest: Buffer = Buffer.alloc(0);

  constructor(options: WireOptions) {
    this.#options = options;
    const { owner, path, channel } = options;
    this.#socket = new HttpSocket({
      ...options,
      onConnect: () => this.#socket.get(`${path}&channels=${channel}`),
      onRead: (bytes, length) => this.#read(bytes.subarray(0, length)),
      onLost: () => owner.lost(),
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  send(): void {
    // The query has done so.
  }

  drop(): void {
    this.#socket.drop();
  }

  #read(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const headEnd = bytes.indexOf(HEAD_END);
    const head = headEnd === -1 ? "" : bytes.toString("latin1", 0, headEnd);
    const bodyAt = headEnd + HEAD_END.length;
    const end = bodyAt + Number(/content-length: (\d+)/i.exec(head)?.[1]);
    // One answer at a time is asked for, so nothing stands behind it.
    if (headEnd === -1 || bytes.length < end) {
      this.#rest = Buffer.from(bytes);
      return;
    }
    this.#rest = Buffer.alloc(0);
    if (!head.startsWith("HTTP/1.1 200")) throw new Error(`a poll was answered ${head}`);
    this.#answer(JSON.parse(bytes.toString("utf8", bodyAt, end)) as PollAnswer);
  }

  #answer({ session, frames, next }: PollAnswer): void {
    const { owner } = this.#options;
    this.#socket.get(`/poll?session=${session}&after=${next}`);
    if (!this.#isOpen) {
      this.#isOpen = true;
      owner.opened();
    }
    for (const frame of frames) {
      const bytes = Buffer.from(JSON.stringify(frame));
      owner.framed(bytes, 0, bytes.length);
    }
    owner.readEnded();
  }
}
