import type { Dialect } from "./dialect.ts";
import { DIALECTS } from "./dialects.ts";
import type { Target } from "./messages.ts";
import { PAYLOAD_BYTES } from "./payload.ts";
import { PollWire } from "./poll-wire.ts";
import { SseWire } from "./sse-wire.ts";
import { type SubscriberWire, Wire } from "./wire.ts";

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
  /** Address to connect from. */
  readonly localAddress: string;
  /** True: its deliveries are parsed and checked; false: they are only counted. */
  readonly isSampled: boolean;
  readonly events: SubscriberEvents;
}

const WIRES = { websocket: Wire, sse: SseWire, poll: PollWire } as const;

/** One connection that does what the guide's browser code does, or the client library of a dialect. */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #wire: SubscriberWire;
  readonly #dialect: Dialect;
  #isWelcome: boolean;
  #heardAtMs = performance.now();
  #pendingReplies = 0;
  #received = 0;
  #inThisRead = 0;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { target, channel, localAddress } = options;
    this.#dialect = DIALECTS[target.dialect ?? "native"];
    this.#isWelcome = this.#dialect.isWelcome === null;
    const TransportWire = WIRES[target.transport ?? "websocket"];
    this.#wire = new TransportWire({
      port: target.socketPort,
      path: target.socketPath,
      channel,
      localAddress,
      owner: this,
    });
  }

  get index(): number {
    return this.#options.index;
  }

  get isReady(): boolean {
    return this.#wire.isOpen && this.#isWelcome && this.#pendingReplies === 0;
  }

  /** Deliveries since it connected. */
  get received(): number {
    return this.#received;
  }

  /** Subscribes to one more channel; `ready` is told again when that stands. */
  subscribe(channel: string): void {
    this.#pendingReplies++;
    this.#wire.send(this.#dialect.subscribe(channel));
  }

  /** Gives the sign of life that is due at `nowMs`, of the clock of `performance`; called every few seconds. */
  keepAlive(nowMs: number): void {
    const { keepAlive } = this.#dialect;
    if (keepAlive === null || !this.isReady || nowMs - this.#heardAtMs < keepAlive.afterMs) return;
    this.#heardAtMs = nowMs;
    this.#wire.send(keepAlive.text);
  }

  /** Ends the connection by a reset. */
  drop(): void {
    this.#wire.drop();
  }

  /** Called by the wire. */
  opened(): void {
    const { hello } = this.#dialect;
    if (hello !== null) this.#wire.send(hello);
    if (this.#isWelcome) this.subscribe(this.#options.channel);
  }

  /** Called by the wire. */
  framed(bytes: Buffer, start: number, end: number): void {
    const { separator } = this.#dialect;
    let from = start;
    for (let at = separator === null ? -1 : bytes.indexOf(separator, from); at !== -1 && at < end; ) {
      if (at > from) this.#message(bytes, from, at);
      from = at + 1;
      at = bytes.indexOf(separator ?? 0, from);
    }
    if (end > from) this.#message(bytes, from, end);
  }

  /** Called by the wire. */
  readEnded(): void {
    if (this.#dialect.keepAlive !== null) this.#heardAtMs = performance.now();
    const count = this.#inThisRead;
    this.#inThisRead = 0;
    if (count > 0) this.#options.events.delivered(count);
  }

  /** Called by the wire. */
  lost(): void {
    this.#options.events.lost(this);
  }

  #message(bytes: Buffer, start: number, end: number): void {
    if (!this.isReady) {
      this.#readReply(bytes.toString("utf8", start, end));
      return;
    }
    // Only what is too short to be a delivery is worth a look.
    if (end - start < PAYLOAD_BYTES && this.#isSignOfLife(bytes.toString("utf8", start, end))) return;
    this.#received++;
    this.#inThisRead++;
    if (!this.#options.isSampled) return;
    this.#options.events.sampled(this.#dialect.latencyOf(bytes.toString("utf8", start, end), this.#options.channel));
  }

  #isSignOfLife(text: string): boolean {
    if (!this.#dialect.isSignOfLife(text)) return false;
    const answer = this.#dialect.answerTo(text);
    if (answer !== null) this.#wire.send(answer);
    return true;
  }

  #readReply(text: string): void {
    const answer = this.#dialect.answerTo(text);
    if (answer !== null) this.#wire.send(answer);
    else if (!this.#isWelcome && this.#dialect.isWelcome?.(text) === true) {
      this.#isWelcome = true;
      this.subscribe(this.#options.channel);
    }
    // Anything else may come before the answer too: a client that waits for one passes over it.
    else if (this.#pendingReplies > 0 && this.#dialect.isSubscribed(text)) {
      this.#pendingReplies--;
      if (this.#pendingReplies === 0) this.#options.events.ready(this);
    }
  }
}
