import { DIALECTS, type Dialect } from "./dialect.ts";
import type { Target } from "./messages.ts";
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

/** One connection that does what the guide's browser code does, or pusher-js. */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #wire: SubscriberWire;
  readonly #dialect: Dialect;
  #pendingReplies = 0;
  #received = 0;
  #inThisRead = 0;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { target, channel, localAddress } = options;
    this.#dialect = DIALECTS[target.dialect ?? "native"];
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
    return this.#wire.isOpen && this.#pendingReplies === 0;
  }

  /** Deliveries since it connected. */
  get received(): number {
    return this.#received;
  }

  /** Subscribes to one more channel; `ready` is told again when that stands. */
  subscribe(channel: string): void {
    this.#pendingReplies++;
    this.#wire.subscribe(this.#dialect.subscribe(channel));
  }

  /** Ends the connection by a reset. */
  drop(): void {
    this.#wire.drop();
  }

  /** Called by the wire. */
  opened(): void {
    this.subscribe(this.#options.channel);
  }

  /** Called by the wire. */
  framed(bytes: Buffer, start: number, end: number): void {
    if (this.#pendingReplies > 0) {
      this.#readReply(bytes.toString("utf8", start, end));
      return;
    }
    this.#received++;
    this.#inThisRead++;
    if (!this.#options.isSampled) return;
    this.#options.events.sampled(this.#dialect.latencyOf(bytes.toString("utf8", start, end), this.#options.channel));
  }

  /** Called by the wire. */
  readEnded(): void {
    const count = this.#inThisRead;
    this.#inThisRead = 0;
    if (count > 0) this.#options.events.delivered(count);
  }

  /** Called by the wire. */
  lost(): void {
    this.#options.events.lost(this);
  }

  #readReply(text: string): void {
    // A welcome may come first, or anything else that a client which waits for one answer passes over.
    if (!this.#dialect.isSubscribed(text)) return;
    this.#pendingReplies--;
    if (this.#pendingReplies === 0) this.#options.events.ready(this);
  }
}
