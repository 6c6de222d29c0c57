import { createHmac } from "node:crypto";
import { WebSocket } from "ws";
import { pause } from "./pause.ts";
import type { Random } from "./random.ts";
import type { RunRecord } from "./run-record.ts";

/** What a guest works with. */
export interface GuestOptions {
  readonly number: number;
  /** The presence channel. */
  readonly channel: string;
  readonly app: { readonly key: string; readonly secret: string };
  /** The gateways that are there now. */
  readonly gatewayUrls: () => readonly string[];
  readonly record: RunRecord;
  readonly random: Random;
  /** Longest stay on a connection, and longest time away, in ms. */
  readonly stayMs: number;
  readonly awayMs: number;
}

interface Person {
  readonly id: string;
}

type Frame = Readonly<Record<string, unknown>>;

const WITHIN_MS = 10_000;

/** A user who comes to and leaves a presence channel, on any gateway, and sees who else is there. */
export class Guest {
  readonly id: string;
  readonly number: number;
  /** Who is there, as it was told; null while it isn't there itself. */
  view: Set<string> | null = null;
  readonly #options: GuestOptions;
  #isSettling = false;
  #isStopping = false;
  #socket: WebSocket | null = null;

  constructor(options: GuestOptions) {
    this.#options = options;
    this.number = options.number;
    this.id = `guest-${options.number}`;
  }

  /** Comes and goes until {@link stop}. */
  async run(): Promise<void> {
    const { random, awayMs } = this.#options;
    while (!this.#isStopping) {
      await this.#stay();
      this.view = null;
      await pause(this.#isSettling ? 50 : random.between(0, awayMs));
    }
  }

  /** Stays from now on. */
  settle(): void {
    this.#isSettling = true;
  }

  stop(): void {
    this.#isStopping = true;
    this.#socket?.terminate();
  }

  async #stay(): Promise<void> {
    const { gatewayUrls, random, stayMs } = this.#options;
    const urls = gatewayUrls();
    if (urls.length === 0) return;
    const socket = new WebSocket(random.pick(urls), { handshakeTimeout: 3000, perMessageDeflate: false });
    this.#socket = socket;
    // Whatever is wrong, "close" follows.
    socket.on("error", () => undefined);
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    socket.on("message", (data: Buffer) => this.#receive(JSON.parse(data.toString()) as Frame, socket));
    const leave = () => {
      if (this.#isSettling) return;
      if (random.chance(0.5)) socket.terminate();
      else socket.close();
    };
    const timers = [
      setTimeout(() => this.view ?? socket.terminate(), WITHIN_MS),
      setTimeout(leave, random.between(500, stayMs)),
    ];
    await closed;
    for (const timer of timers) clearTimeout(timer);
    this.#socket = null;
  }

  #receive(frame: Frame, socket: WebSocket): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    const { number: client, channel, record } = this.#options;
    switch (frame["type"]) {
      case "welcome":
        this.#enter(socket, String(frame["connectionId"]));
        break;
      case "subscribed": {
        const { members } = frame["presence"] as { readonly members: readonly Person[] };
        this.view = new Set(members.map(({ id }) => id));
        record.add({ kind: "entered", client, channel, members: [...this.view] });
        break;
      }
      case "presence":
        this.#onChange((frame["joined"] ?? []) as readonly Person[], (frame["left"] ?? []) as readonly string[]);
        break;
      case "error":
        record.note(`guest ${client} was answered ${JSON.stringify(frame)}`);
        socket.terminate();
        break;
      default:
        break;
    }
  }

  #enter(socket: WebSocket, connectionId: string): void {
    const { app, channel } = this.#options;
    const data = JSON.stringify({ user_id: this.id });
    const signature = createHmac("sha256", app.secret).update(`${connectionId}:${channel}:${data}`).digest("hex");
    const token = `${app.key}:${signature}`;
    socket.send(JSON.stringify({ type: "subscribe", channel, token, data, id: 1 }));
  }

  #onChange(joined: readonly Person[], left: readonly string[]): void {
    const { number: client, channel, record } = this.#options;
    record.add({ kind: "changed", client, channel, joined: joined.map(({ id }) => id), left });
    for (const { id } of joined) this.view?.add(id);
    for (const id of left) this.view?.delete(id);
  }
}
