import { WebSocket } from "ws";
import { pause } from "./pause.ts";
import type { Random } from "./random.ts";
import type { PositionText, RunRecord } from "./run-record.ts";

/** What a listener works with. */
export interface ListenerOptions {
  readonly number: number;
  readonly channels: readonly string[];
  /** The gateways that are there now. */
  readonly gatewayUrls: () => readonly string[];
  readonly record: RunRecord;
  readonly random: Random;
  /** Longest stay on a connection before it is dropped, and longest time away, in ms. */
  readonly stayMs: number;
  readonly awayMs: number;
}

type Frame = Readonly<Record<string, unknown>>;

const WITHIN_MS = 10_000;

/** A client that drops and comes back at random, on any gateway, each time with the last position it got. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #positions = new Map<string, PositionText>();
  /** Channels of which the present connection stands. */
  readonly #standing = new Set<string>();
  #isSettling = false;
  #isStopping = false;
  #socket: WebSocket | null = null;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  get channels(): readonly string[] {
    return this.#options.channels;
  }

  /** True when it is subscribed to all of its channels. */
  get isStanding(): boolean {
    return this.#standing.size === this.#options.channels.length;
  }

  /** Offset of the last position on a channel; -1 for none. */
  offsetOn(channel: string): number {
    return Number(this.#positions.get(channel)?.split(":")[1] ?? -1);
  }

  /** Comes and goes until {@link stop}. */
  async run(): Promise<void> {
    const { random, awayMs } = this.#options;
    while (!this.#isStopping) {
      await this.#stay();
      this.#standing.clear();
      await pause(this.#isSettling ? 50 : random.between(0, awayMs));
    }
  }

  /**
   * Stays from now on, all being whole. `isDropping`: after having dropped a last time; else with what it has, and what it
   * missed unseen must come by itself.
   */
  settle(isDropping: boolean): void {
    this.#isSettling = true;
    if (!isDropping) return;
    this.#standing.clear();
    this.#socket?.terminate();
  }

  stop(): void {
    this.#isStopping = true;
    this.#socket?.terminate();
  }

  /** One connection, from its beginning to its end. */
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
    socket.on("open", () => this.#subscribe(socket));
    const timers = [setTimeout(() => this.#cutUnlessStanding(socket), WITHIN_MS)];
    const drop = () => {
      if (this.#isSettling) return;
      if (random.chance(0.5)) socket.terminate();
      else socket.close();
    };
    timers.push(setTimeout(drop, random.between(200, stayMs)));
    await closed;
    for (const timer of timers) clearTimeout(timer);
    this.#socket = null;
  }

  #subscribe(socket: WebSocket): void {
    for (const [index, channel] of this.#options.channels.entries()) {
      const recover = this.#positions.get(channel);
      const command = { type: "subscribe", channel, id: index + 1, ...(recover === undefined ? {} : { recover }) };
      socket.send(JSON.stringify(command));
    }
  }

  #receive(frame: Frame, socket: WebSocket): void {
    // What arrives behind a drop by this side is not seen by an application any more either.
    if (socket.readyState !== WebSocket.OPEN) return;
    const { number: client, record } = this.#options;
    const channel = String(frame["channel"]);
    switch (frame["type"]) {
      case undefined:
        this.#onDelivery(frame, channel);
        break;
      case "subscribed":
        this.#onSubscribed(frame, channel);
        break;
      case "gap":
        this.#onGap(frame, channel);
        break;
      case "error":
        record.note(`client ${client} was answered ${JSON.stringify(frame)}`);
        socket.terminate();
        break;
      default:
        break;
    }
  }

  #onSubscribed(frame: Frame, channel: string): void {
    const asked = this.#positions.get(channel) ?? null;
    const position = typeof frame["position"] === "string" ? frame["position"] : null;
    const recovered = typeof frame["recovered"] === "boolean" ? frame["recovered"] : null;
    const { number: client, record } = this.#options;
    const reason = String(frame["reason"] ?? "");
    record.add({ kind: "subscribed", client, channel, position, asked, recovered, reason });
    // After a recovery the missed events are still to come, and with them the position.
    if (recovered !== true) {
      if (position === null) this.#positions.delete(channel);
      else this.#positions.set(channel, position);
    }
    this.#standing.add(channel);
  }

  #onGap(frame: Frame, channel: string): void {
    const position = typeof frame["position"] === "string" ? frame["position"] : null;
    this.#options.record.add({ kind: "gap", client: this.#options.number, channel, position });
    if (position !== null) this.#positions.set(channel, position);
  }

  #onDelivery(frame: Frame, channel: string): void {
    const { writer, number } = frame["payload"] as { writer: number; number: number };
    const position = typeof frame["position"] === "string" ? frame["position"] : null;
    this.#options.record.add({ kind: "delivered", client: this.#options.number, channel, position, writer, number });
    if (position !== null) this.#positions.set(channel, position);
  }

  #cutUnlessStanding(socket: WebSocket): void {
    if (!this.isStanding) socket.terminate();
  }
}
