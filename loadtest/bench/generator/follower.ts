import { isDelivery, isGenuine, NUMBERED_CHANNEL, numberIn, sentUsIn } from "./numbered-event.ts";
import { nowUs } from "./payload.ts";
import type { Positions } from "./positions.ts";
import { Wire } from "./wire.ts";

/** What a follower tells its pool. */
export interface FollowerEvents {
  /** The answer to its subscribe; `problem` says why it was not told that nothing is missing, null when it was. */
  ready(follower: Follower, problem: string | null): void;
  /** The connection ended, and not because of `leave`. */
  lost(follower: Follower): void;
  /** A delivery after the return: how long it took, and whether it was published after that. */
  delivered(ms: number, isLive: boolean): void;
  /** A sampled delivery was not what was published. */
  malformed(): void;
  /** A gap was announced. */
  gap(): void;
}

/** What a follower needs to be made. */
interface FollowerOptions {
  /** True: each delivery is parsed and compared. */
  readonly isSampled: boolean;
  readonly positions: Positions;
  readonly events: FollowerEvents;
}

/** Where a follower connects to. */
export interface Place {
  readonly port: number;
  readonly path: string;
  readonly localAddress: string;
}

/** One client over several connections: it keeps its position, and checks that it gets each number once and in order. */
export class Follower {
  readonly #events: FollowerEvents;
  readonly #isSampled: boolean;
  readonly #positions: Positions;
  #wire: Wire | null = null;
  /** The number that must come next. */
  #next = 1;
  #missing = 0;
  #repeated = 0;
  /** Told by its first subscribe, when nothing had been published. */
  #firstPosition: string | null = null;
  #recover: string | null = null;
  #isReady = false;
  /** When it was back; 0 before the return. */
  #backUs = 0;
  #readUs = 0;

  constructor({ isSampled, positions, events }: FollowerOptions) {
    this.#isSampled = isSampled;
    this.#positions = positions;
    this.#events = events;
  }

  /** The number of the event that it got last; 0 for none. */
  get last(): number {
    return this.#next - 1;
  }

  get missing(): number {
    return this.#missing;
  }

  get repeated(): number {
    return this.#repeated;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Where it stood before it had any event. */
  get firstPosition(): string | null {
    return this.#firstPosition;
  }

  /** Connects and subscribes; from where it was when `recover` is a position. */
  join({ port, path, localAddress }: Place, recover: string | null): void {
    this.#recover = recover;
    this.#isReady = false;
    this.#wire = new Wire({ port, path, localAddress, owner: this });
  }

  /** Ends the connection by a reset. */
  leave(): void {
    this.#isReady = false;
    this.#wire?.drop();
    this.#wire = null;
  }

  /** Called by the wire. */
  opened(): void {
    const recover = this.#recover === null ? "" : `,"recover":"${this.#recover}"`;
    this.#wire?.send(`{"type":"subscribe","channel":"${NUMBERED_CHANNEL}"${recover}}`);
  }

  /** Called by the wire. */
  framed(bytes: Buffer, start: number, end: number): void {
    if (!isDelivery(bytes, start)) {
      this.#control(JSON.parse(bytes.toString("utf8", start, end)) as Record<string, unknown>);
      return;
    }
    const number = numberIn(bytes, start);
    if (!this.#positions.has(number)) this.#positions.learn(number, bytes.toString("latin1", start, end));
    if (this.#isSampled && !isGenuine(bytes.toString("utf8", start, end), number)) this.#events.malformed();
    if (number < this.#next) {
      this.#repeated++;
    } else {
      this.#missing += number - this.#next;
      this.#next = number + 1;
    }
    if (this.#backUs === 0) return;
    if (this.#readUs === 0) this.#readUs = nowUs();
    const sentUs = sentUsIn(bytes, start);
    this.#events.delivered((this.#readUs - sentUs) / 1000, sentUs >= this.#backUs);
  }

  /** Called by the wire. */
  readEnded(): void {
    this.#readUs = 0;
  }

  /** Called by the wire. */
  lost(): void {
    this.#events.lost(this);
  }

  #control(frame: Record<string, unknown>): void {
    if (frame["type"] === "gap") this.#events.gap();
    if (frame["type"] !== "subscribed") return;
    const position = typeof frame["position"] === "string" ? frame["position"] : null;
    this.#firstPosition ??= position;
    this.#isReady = true;
    if (this.#recover !== null) this.#backUs = nowUs();
    const isRight = this.#recover === null ? position !== null : frame["recovered"] === true;
    this.#events.ready(this, isRight ? null : String(frame["reason"] ?? "no reason told"));
  }
}
