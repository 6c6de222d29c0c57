import type { NodeCounters, Transport, WriteResult } from "@carillon/core";
import type { Logger } from "../process/logger.ts";
import type { ClientAddresses } from "./client-address.ts";
import type { SocketHandler } from "./http-types.ts";
import type { UwsApp, UwsWebSocket } from "./uws.ts";
import { wireData, wireText } from "./wire-text.ts";

/** What all WebSockets of a server share. */
export interface SocketHost {
  readonly app: UwsApp;
  readonly log: Logger;
  readonly counters: NodeCounters;
  readonly addresses: ClientAddresses;
  /** Hears what a socket publishes to all others, for listeners that are no WebSockets. */
  readonly onPublishedToOthers: (topic: string, frame: Uint8Array, isBinary: boolean) => void;
}

/** Whose connection a WebSocket is. */
export interface SocketAddresses {
  readonly remote: string;
  readonly peer: string;
}

const UNKNOWN: SocketAddresses = { remote: "", peer: "" };

/** The WebSocket as uWebSockets.js hands it over: with our object on it from its opening on, as its one property. */
export interface CarriedSocket extends UwsWebSocket {
  carried: UwsSocket | null;
}

/** A close reason must fit a control frame: 125 bytes, two of which are the code. */
const MAX_REASON_BYTES = 123;

/** What RFC 6455 calls an unexpected condition. Not final: clients come back after a delay. */
const INTERNAL_ERROR_CODE = 1011;

/** uWebSockets.js's answer to a send over the backpressure bound. */
const SEND_DROPPED = 2;
const SEND_OK = 1;

/** One of its handler's calls is running. */
const IN_CALL = 1;
/** Over the backpressure bound; uWebSockets.js closes it at the end of the loop's turn, and nobody may touch it until then. */
const SLOW = 2;

/**
 * One WebSocket: the only holder of uWebSockets.js's object, of which it lets go when that closes. Six fields and no
 * closure, because a node holds tens of thousands of them.
 */
export class UwsSocket implements Transport {
  readonly #host: SocketHost;
  /** null until somebody asks, where the socket itself can tell: hardly anybody does. */
  #addresses: SocketAddresses | null;
  /** null before it opened and once it closed. */
  #socket: UwsWebSocket | null = null;
  /** Before it opened: the maker of its handler. null when the making failed, and once `onClose` was called. */
  #handler: SocketHandler | ((socket: Transport) => SocketHandler) | null;
  #flags = 0;
  /** 0 until it closed. */
  #closeCode = 0;

  constructor(host: SocketHost, addresses: SocketAddresses | null, open: (socket: Transport) => SocketHandler) {
    this.#host = host;
    this.#addresses = addresses;
    this.#handler = open;
  }

  get remoteAddress(): string {
    return this.#knownAddresses().remote;
  }

  get peerAddress(): string {
    return this.#knownAddresses().peer;
  }

  get isOpen(): boolean {
    return this.#socket !== null && (this.#flags & SLOW) === 0;
  }

  get bufferedBytes(): number {
    return this.#usable()?.getBufferedAmount() ?? 0;
  }

  write(frame: string | Uint8Array, isBinary: boolean): WriteResult {
    if (this.#socket === null) return "closed";
    if ((this.#flags & SLOW) !== 0) return "dropped";
    const data = wireData(frame);
    this.#host.counters.bytesOut += data.length;
    const outcome = this.#socket.send(data, isBinary);
    if (outcome === SEND_OK) return "sent";
    return outcome === SEND_DROPPED ? "dropped" : "queued";
  }

  writeAll(frames: readonly (string | Uint8Array)[], isBinary: boolean): void {
    this.#usable()?.cork(() => {
      for (const frame of frames) {
        const result = this.write(frame, isBinary);
        if (result === "dropped" || result === "closed") return;
      }
    });
  }

  joinTopic(topic: string): void {
    this.#usable()?.subscribe(wireText(topic));
  }

  leaveTopic(topic: string): void {
    this.#usable()?.unsubscribe(wireText(topic));
  }

  publishToOthers(topic: string, frame: Uint8Array, isBinary: boolean): void {
    if (this.#socket === null) return;
    // A socket that has joined nothing reaches nobody with its own publish; there is nobody to leave out then.
    const name = wireText(topic);
    if (this.#usable()?.isSubscribed(name) === true) this.#socket.publish(name, frame, isBinary);
    else this.#host.app.publish(name, frame, isBinary);
    this.#host.onPublishedToOthers(topic, frame, isBinary);
  }

  close(code: number, reason: string): void {
    this.#usable()?.end(code, wireText(fittingReason(reason)));
  }

  terminate(): void {
    this.#usable()?.close();
  }

  /** @internal For the server: the socket is open. */
  opened(socket: UwsWebSocket): void {
    const open = this.#handler;
    if (typeof open !== "function") return;
    this.#socket = socket;
    this.#handler = null;
    this.#flags |= IN_CALL;
    try {
      this.#handler = open(this);
    } catch (error) {
      this.#fail(error);
    }
    this.#leaveCall();
  }

  /** @internal For the server: a frame came. */
  received(data: ArrayBuffer, isBinary: boolean): void {
    const handler = this.#handler;
    if (handler === null || typeof handler === "function") return;
    this.#flags |= IN_CALL;
    try {
      handler.onFrame(new Uint8Array(data), isBinary);
    } catch (error) {
      this.#fail(error);
    }
    this.#leaveCall();
  }

  /** @internal For the server: a ping or a pong came. */
  alive(): void {
    const handler = this.#handler;
    if (handler !== null && typeof handler !== "function") handler.onAlive?.();
  }

  /** @internal For the server. Only takes a note: any call into uWebSockets.js from here crashes or hangs the process. */
  dropped(): void {
    if ((this.#flags & SLOW) !== 0) return;
    this.#flags |= SLOW;
    this.#host.counters.slowConsumers += 1;
  }

  /** @internal For the server: the socket has closed, perhaps within one of our own calls. */
  closed(code: number): void {
    this.#socket = null;
    this.#closeCode = code;
    if ((this.#flags & IN_CALL) === 0) this.#tellClosed();
  }

  #knownAddresses(): SocketAddresses {
    const socket = this.#usable();
    if (this.#addresses !== null || socket === null) return this.#addresses ?? UNKNOWN;
    const address = this.#host.addresses.ofSocket(socket);
    this.#addresses = { remote: address, peer: address };
    return this.#addresses;
  }

  #usable(): UwsWebSocket | null {
    return (this.#flags & SLOW) === 0 ? this.#socket : null;
  }

  #leaveCall(): void {
    this.#flags &= ~IN_CALL;
    if (this.#closeCode !== 0) this.#tellClosed();
  }

  #tellClosed(): void {
    const handler = this.#handler;
    this.#handler = null;
    if (handler === null || typeof handler === "function") return;
    try {
      handler.onClose(this.#closeCode, (this.#flags & SLOW) !== 0);
    } catch (error) {
      this.#host.log.error("socket_close_handler_failed", { error });
    }
  }

  #fail(error: unknown): void {
    this.#host.log.error("socket_handler_failed", { error });
    this.close(INTERNAL_ERROR_CODE, "internal error");
  }
}

const encoder = new TextEncoder();

/** Cut at a whole character when it is too long. */
function fittingReason(reason: string): string {
  // A character of a string takes three bytes of UTF-8 at most.
  if (reason.length * 3 <= MAX_REASON_BYTES) return reason;
  return reason.slice(0, encoder.encodeInto(reason, new Uint8Array(MAX_REASON_BYTES)).read);
}
