import { clearTimeout, setTimeout } from "k6/timers";
import { backoffMs } from "./backoff.ts";
import { isFinal, mayReturnAtOnce } from "./close-codes.ts";
import type { Dialect, Subscription } from "./dialect.ts";
import type { Control, Incoming } from "./incoming.ts";
import type { Link, LinkOwner, OpenLink } from "./link.ts";
import type { Meter } from "./meter.ts";
import type { Numbered } from "./numbered.ts";
import { Sequence } from "./sequence.ts";

/** What a client needs of the crowd that it belongs to. */
export interface ClientOwner {
  readonly dialect: Dialect;
  readonly openLink: OpenLink;
  readonly meter: Meter;
  /** Whether what a client shows when it subscribes depends on the name of its connection. */
  readonly needsConnectionId: boolean;
  /** What a client wants to be subscribed to. The first one is the shared channel. */
  subscriptionsOf(client: Client): readonly Subscription[];
  /** All subscriptions of a client stand. */
  ready(client: Client): void;
  /** Something came for a client. */
  arrived(): void;
  /** A client heard the conductor. */
  heard(control: Control): void;
}

/** Which client this is. */
export interface ClientOptions {
  readonly index: number;
  readonly url: string;
  /** Number of the room that it is in. */
  readonly room: number;
  readonly owner: ClientOwner;
}

/** How long the welcome may take, where it is needed, before the client tries anew. */
const WELCOME_MS = 5_000;

/** One of very many clients: a connection that comes back by itself, and checks what it is sent. */
export class Client implements LinkOwner {
  readonly index: number;
  readonly room: number;
  /** What came on the shared channel, on its own channel, and from others in its room. */
  readonly shared = new Sequence();
  readonly own = new Sequence();
  readonly fromRoom = new Sequence();
  /** The last phase of whose beginning, and of whose end, it has heard. */
  heardBeginOf = 0;
  heardEndOf = 0;
  /** How many users it was told are in its room. */
  memberCount = 0;
  /** How many events of a history it was told last. */
  historyCount = 0;

  readonly #url: string;
  readonly #owner: ClientOwner;
  #link: Link | null = null;
  #connectionId = "";
  #waitingFor = 0;
  #isOpen = false;
  #isReady = false;
  #isInterrupted = false;
  #wasReady = false;
  #hasEnded = false;
  #attempts = 0;
  #whyClosed = "";
  #toldPauseMs: number | null = null;
  #awaySinceMs = 0;
  #readySinceMs = 0;
  #position: string | null = null;
  #timer: number | null = null;

  constructor({ index, url, room, owner }: ClientOptions) {
    this.index = index;
    this.room = room;
    this.#url = url;
    this.#owner = owner;
  }

  /** True while all of its subscriptions stand, and what comes on them arrives. */
  get isReady(): boolean {
    return this.#isReady && !this.#isInterrupted;
  }

  /** True when that was so once. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** The gateway's name for its connection. */
  get connectionId(): string {
    return this.#connectionId;
  }

  /** What it waits for, in words. */
  get stage(): string {
    if (this.isReady) return "nothing";
    if (this.#isInterrupted) return "its session to go on";
    if (this.#link === null && this.#whyClosed !== "") return `its next attempt to connect, after: ${this.#whyClosed}`;
    if (this.#link === null) return "its next attempt to connect";
    if (!this.#isOpen) return "the handshake";
    return this.#waitingFor === 0 ? "the welcome" : `answers to ${this.#waitingFor} subscribes`;
  }

  /** Where it stands on the shared channel; null when it wasn't told. */
  get position(): string | null {
    return this.#position;
  }

  /** Connects for the first time. */
  open(): void {
    this.#awaySinceMs = Date.now();
    this.#dial();
  }

  /** Loses its connection, and comes back `pauseMs` later. */
  drop(pauseMs = 0): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#link !== null && !this.#isInterrupted) this.#owner.meter.count("connections_closed");
    this.#link?.close();
    this.#link = null;
    this.#isReady = false;
    this.#isInterrupted = false;
    this.#awaySinceMs = Date.now();
    if (pauseMs === 0) this.#dial();
    else this.#timer = setTimeout(() => this.#dial(), pauseMs);
  }

  /** Loses what carries its connection, and after `pauseMs` comes back to where it was. It must be ready. */
  interrupt(pauseMs: number): void {
    this.#leave();
    this.#link?.interrupt(pauseMs);
  }

  /** Sends a command. */
  send(frame: string | ArrayBuffer): void {
    this.#link?.send(frame);
  }

  /** Ends for good. */
  end(): void {
    this.#hasEnded = true;
    this.#isReady = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#link?.close();
  }

  /** Its link stands. */
  opened(): void {
    this.#isOpen = true;
    if (!this.#owner.needsConnectionId) this.#subscribe();
    // k6 loses a first frame that comes along with the answer to the handshake: rarely, and then it is the welcome.
    else this.#timer = setTimeout(() => this.#connectionId === "" && this.drop(), WELCOME_MS);
  }

  /** Its link has got a frame: what a generator does most, so it is short. */
  framed(frame: string | ArrayBuffer, readAtMs: number): void {
    const { dialect, meter } = this.#owner;
    this.#owner.arrived();
    const incoming = dialect.read(frame);
    if (incoming.type !== "delivery") {
      this.#told(incoming);
      return;
    }
    if (incoming.position !== undefined) this.#position = incoming.position;
    if (incoming.numbered === null) meter.count("malformed");
    else this.#delivered(incoming.numbered, readAtMs);
  }

  /** What carries its link broke. */
  interrupted(): void {
    if (this.#isReady) this.#owner.meter.count("disconnects");
    this.#leave();
  }

  /** Its link goes on where it was. */
  resumed(): void {
    const { meter } = this.#owner;
    meter.count("connections_opened");
    this.#isInterrupted = false;
    if (!this.#isReady) return;
    meter.count("recovered");
    this.#readySinceMs = Date.now();
    meter.time("reconnect_ms", this.#readySinceMs - this.#awaySinceMs);
  }

  /** Its link broke, or never came to be. */
  closed(code: number, why: string): void {
    const { meter } = this.#owner;
    this.#link = null;
    this.#whyClosed = why;
    meter.count(this.#isInterrupted ? "not_recovered" : "connections_closed");
    if (this.#isReady) {
      meter.count("disconnects");
      if (!this.#isInterrupted) this.#awaySinceMs = Date.now();
    } else meter.count("connect_failures");
    this.#isReady = false;
    this.#isInterrupted = false;
    if (this.#hasEnded || isFinal(code)) return;
    // Only the first time: whoever is sent away again waits as well.
    const isAtOnce = mayReturnAtOnce(code) && this.#attempts === 0;
    const pauseMs = isAtOnce ? (this.#toldPauseMs ?? 0) : backoffMs(this.#attempts);
    this.#toldPauseMs = null;
    this.#attempts++;
    this.#timer = setTimeout(() => this.#dial(), pauseMs);
  }

  #leave(): void {
    this.#owner.meter.count("connections_closed");
    this.#isInterrupted = true;
    this.#awaySinceMs = Date.now();
  }

  #dial(): void {
    const { dialect, meter } = this.#owner;
    meter.count("connections_opened");
    this.#connectionId = "";
    this.#isOpen = false;
    this.#waitingFor = 0;
    this.#link = this.#owner.openLink(this.#url, dialect, this);
  }

  #told(incoming: Exclude<Incoming, { readonly type: "delivery" }>): void {
    switch (incoming.type) {
      case "control":
        if (incoming.control.act === "end") this.heardEndOf = incoming.control.phase;
        if (incoming.control.act === "begin") this.heardBeginOf = incoming.control.phase;
        this.#owner.heard(incoming.control);
        return;
      case "welcome":
        this.#connectionId = incoming.connectionId;
        if (this.#owner.needsConnectionId) this.#subscribe();
        return;
      case "subscribed":
        this.#subscribed(incoming);
        return;
      case "reconnect":
        this.#toldPauseMs = incoming.delayMs;
        return;
      case "members":
        this.memberCount = incoming.count;
        return;
      case "history":
        this.historyCount = incoming.count;
        return;
      case "refused":
        this.#owner.meter.count("refused");
        return;
      case "report":
      case "other":
        return;
      default:
        incoming satisfies never;
    }
  }

  #subscribe(): void {
    const subscriptions = this.#owner.subscriptionsOf(this);
    this.#waitingFor = subscriptions.length;
    for (const frame of this.#owner.dialect.subscribe(subscriptions)) this.send(frame);
  }

  #subscribed(answer: Extract<Incoming, { type: "subscribed" }>): void {
    const { meter } = this.#owner;
    if (answer.refused.length > 0) meter.count("refused", answer.refused.length);
    if (answer.wasRecovered === true) meter.count("recovered");
    if (answer.wasRecovered === false) meter.count("not_recovered");
    // Where it was recovered, what was missed is still on its way (N48).
    if (answer.position !== undefined && answer.wasRecovered !== true) this.#position = answer.position;
    if (answer.memberCount !== undefined) this.memberCount = answer.memberCount;
    this.#waitingFor -= answer.channels.length;
    if (this.#waitingFor > 0 || this.#isReady) return;
    this.#isReady = true;
    this.#attempts = 0;
    this.#readySinceMs = Date.now();
    meter.time(this.#wasReady ? "reconnect_ms" : "connect_ms", this.#readySinceMs - this.#awaySinceMs);
    if (!this.#wasReady) meter.count("subscribed");
    this.#wasReady = true;
    this.#owner.ready(this);
  }

  #delivered({ kind, phase, number, atMs, target }: Numbered, readAtMs: number): void {
    const { meter } = this.#owner;
    const sequence = kind === "S" ? this.shared : kind === "O" ? this.own : this.fromRoom;
    const isForSomebodyElse = (kind === "O" && target !== this.index) || (kind === "C" && target !== this.room);
    if (isForSomebodyElse) {
      meter.count("malformed");
      return;
    }
    // The word that a phase began may come after its first event.
    if (phase > sequence.phase) sequence.begin(phase);
    if (phase < sequence.phase || sequence.arrived(number) === "duplicate") return;
    meter.count("deliveries");
    // What was replayed was under way for as long as the client was away.
    if (atMs < this.#readySinceMs) return;
    const name = kind === "S" ? "broadcast_ms" : kind === "O" ? "unicast_ms" : "client_event_ms";
    meter.time(name, Math.floor(readAtMs) - atMs);
  }
}
