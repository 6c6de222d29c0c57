import { Packr } from "msgpackr";
import type { MemoryServer, MemorySocket, MemoryUpgrade } from "./memory-server.ts";

/** How clients of the native protocol connect. */
export const NATIVE: MemoryUpgrade = { path: "/ws", query: "" };
/** The same, with msgpack. */
export const NATIVE_MSGPACK: MemoryUpgrade = { path: "/ws", query: "", subprotocol: "carillon.v1.msgpack" };
/** How Pusher's clients connect. */
export const PUSHER: MemoryUpgrade = { path: "/app/app-key", query: "protocol=7&client=js&version=8.6.0&flash=false" };

/** Turns of the loop in which an answer has to come. */
const MAX_TURNS = 1000;

const encoder = new TextEncoder();
const plain = new Packr({ useRecords: false });

/** What goes with a subscribe: a token, a position. */
export type SubscribeExtras = Readonly<Record<string, string>>;

/** One client on a {@link MemoryServer}. */
export class Player {
  readonly #socket: MemorySocket;
  readonly #upgrade: MemoryUpgrade;
  /** By which the application's server signs for it. */
  readonly connectionId: string;

  constructor(server: MemoryServer, upgrade: MemoryUpgrade) {
    this.#upgrade = upgrade;
    this.#socket = server.connect(upgrade);
    this.connectionId = this.#readConnectionId();
    this.#socket.frames = 0;
  }

  /** Frames that it was written since it was welcomed. */
  get frames(): number {
    return this.#socket.frames;
  }

  subscribe(channel: string, extras: SubscribeExtras = {}): void {
    this.send(this.subscribeFrame(channel, extras));
  }

  /** The frame by which it subscribes: made beforehand, it costs the measurement nothing. */
  subscribeFrame(channel: string, extras: SubscribeExtras = {}): Uint8Array {
    return this.#upgrade === PUSHER
      ? this.#encode({ event: "pusher:subscribe", data: { channel, ...extras } })
      : this.#encode({ type: "subscribe", channel, ...extras });
  }

  /** The frame by which it unsubscribes. Pusher's has no answer. */
  unsubscribeFrame(channel: string): Uint8Array {
    return this.#upgrade === PUSHER
      ? this.#encode({ event: "pusher:unsubscribe", data: { channel } })
      : this.#encode({ type: "unsubscribe", channel });
  }

  send(frame: Uint8Array): void {
    this.#socket.send(frame, this.#upgrade === NATIVE_MSGPACK);
  }

  /** Resolves when it was written so many frames. Rejects when they don't come. */
  async answered(frames: number): Promise<void> {
    for (let turn = 0; this.frames < frames; turn++) {
      if (turn === MAX_TURNS) throw new Error(`the gateway wrote ${this.frames} frames instead of ${frames}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #encode(value: unknown): Uint8Array {
    if (this.#upgrade === NATIVE_MSGPACK) return Uint8Array.from(plain.pack(value));
    return encoder.encode(JSON.stringify(value));
  }

  #readConnectionId(): string {
    const { last } = this.#socket;
    const welcome: unknown = typeof last === "string" ? JSON.parse(last) : plain.unpack(last);
    const { data, connectionId } = welcome as { readonly data?: string; readonly connectionId?: string };
    if (connectionId !== undefined) return connectionId;
    return (JSON.parse(data ?? "{}") as { readonly socket_id?: string }).socket_id ?? "";
  }
}
