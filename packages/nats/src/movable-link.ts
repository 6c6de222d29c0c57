import { type BusReceiver, BusUnavailableError } from "@carillon/core";
import type { ConnectionOptions, Subscription } from "nats";
import { type Deferred, defer, pause } from "./deadline.ts";
import type { Deliver, Interest } from "./interest.ts";
import type { Link, LinkCallback, LinkObserver } from "./link.ts";
import type { NatsLog } from "./log.ts";
import { Overlap } from "./overlap.ts";
import { confirmSeat, type Seat } from "./seat.ts";
import { ServerSearch } from "./server-search.ts";

/** What a MovableLink is made from. */
export interface MovableLinkOptions {
  readonly connection: ConnectionOptions;
  readonly log: NatsLog;
  /** Makes the empty interest of a connection, which hands what arrives to `arrive`. */
  readonly createInterest: (link: Link, arrive: Deliver) => Interest;
  readonly deliver: Deliver;
  /** Hears when the connection is there again, and every subscription stands. */
  readonly onUp: () => void;
  readonly onDown: () => void;
  /** Hears that servers of the cluster went or came: something may have been lost between them. */
  readonly onClusterChanged: () => void;
  /** Hears that the server refused a publish or a subscription. */
  readonly onRefused: (operation: string, subject: string) => void;
}

/** A subscription beside the channels, which moves along as they do. */
interface Control {
  readonly subject: string;
  readonly callback: LinkCallback;
  /** By connection: while moving there are two. */
  readonly subscriptions: Map<Link, Subscription>;
}

/** Where the node is moving to. */
interface Successor extends Seat {
  /** Null when the old connection is gone already. */
  readonly overlap: Overlap | null;
  /** Resolves when there is no time left: the old connection went, or the overlap is full. */
  readonly hurry: Deferred<void>;
  isBroken: boolean;
}

// How long other servers of a cluster may take to hear of new interest; measured: 2 ms in the middle, 52 ms in the worst case.
const PROPAGATION_MS = 1_000;
// How far the new server may be behind the old one; a connection that takes longer is cut by NATS (`write_deadline`).
const MAX_LAG_MS = 10_000;
const REPLACE_PAUSE_MS = 250;
const MAX_REPLACE_PAUSE_MS = 2_000;
// Subscribing takes some 10 µs each; in chunks, so that clients are served meanwhile.
const CHUNK = 1_000;

/**
 * A node's connection to NATS: one {@link Link} at nearly all times, and two while it moves to another server.
 *
 * It moves when its server is about to shut down (lame duck): the new connection subscribes to everything before the old one
 * goes, so that nothing is lost. And when its server has stopped answering: the client library would wait for a write
 * that never ends, for up to a quarter of an hour where a machine vanished from the network.
 */
export class MovableLink {
  readonly #options: MovableLinkOptions;
  readonly #observer: LinkObserver;
  readonly #controls = new Set<Control>();
  readonly #search: ServerSearch;
  #seat: Seat;
  #next: Successor | null = null;
  /** After a move: knows what the old connection delivered, while the new one may still bring it. */
  #past: Overlap | null = null;
  #isMoving = false;
  #isClosed = false;

  /** Takes over a link that has just been opened. */
  constructor(options: MovableLinkOptions, link: Link) {
    this.#options = options;
    this.#observer = {
      onDown: (each) => this.#onDown(each),
      onUp: (each) => this.#onUp(each),
      onLameDuck: (each) => this.#onLameDuck(each),
      onLost: (each) => this.#onLost(each),
      onRefused: options.onRefused,
      onClusterChanged: () => options.onClusterChanged(),
    };
    this.#search = new ServerSearch({ ...options, observer: this.#observer });
    link.attach(this.#observer);
    this.#seat = this.#seatOn(link);
  }

  /** The connection to publish on. */
  get link(): Link {
    return this.#seat.link;
  }

  get isUp(): boolean {
    return this.#seat.link.isUp;
  }

  /** How many wildcards the node has subscribed to. */
  get wildcards(): number {
    return this.#seat.interest.wildcards;
  }

  /** Starts interest; it stands once {@link confirm} resolves. Throws a RangeError for names that are too long. */
  add(receiver: BusReceiver): void {
    this.#seat.interest.add(receiver);
    this.#next?.interest.add(receiver);
  }

  /** Ends interest. */
  remove(receiver: BusReceiver): void {
    this.#seat.interest.remove(receiver);
    this.#next?.interest.remove(receiver);
  }

  /**
   * Hears a subject beside the channels; it stands once {@link confirm} resolves. `callback` must not throw. While the node
   * moves, both connections bring what is sent: whoever listens must know a repeat. `replyTo`: where an answer is wanted; "" for
   * nowhere. Returns the act that ends it.
   */
  listen(subject: string, callback: (data: Uint8Array, replyTo: string) => void): () => void {
    const control: Control = {
      subject,
      // A refusal is reported by the link to whoever made it.
      callback: (error, msg) => {
        if (error === null) callback(msg.data, msg.reply ?? "");
      },
      subscriptions: new Map(),
    };
    this.#controls.add(control);
    subscribeOn(this.#seat.link, control);
    if (this.#next !== null) subscribeOn(this.#next.link, control);
    return () => {
      this.#controls.delete(control);
      for (const subscription of control.subscriptions.values()) subscription.unsubscribe();
      control.subscriptions.clear();
    };
  }

  /** Resolves when what was added so far stands; rejects when the connection breaks before. */
  confirm(): Promise<void> {
    const next = this.#next;
    if (next === null) return confirmSeat(this.#seat);
    return Promise.all([confirmSeat(this.#seat), confirmSeat(next)]).then(() => undefined);
  }

  /** Lets go at once. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#seat.link.close(), this.#next?.link.close()]);
  }

  #seatOn(link: Link): Seat {
    const arrive: Deliver = (receiver, envelope, origin, trace) =>
      this.#arrive(link, receiver, envelope, origin, trace);
    // Before the channels: after a reconnect, subscriptions come back in the order in which they were made.
    for (const control of this.#controls) subscribeOn(link, control);
    const interest = this.#options.createInterest(link, arrive);
    return { link, interest };
  }

  #arrive(link: Link, ...[receiver, envelope, origin, trace]: Parameters<Deliver>): void {
    if (this.#past !== null && link === this.#seat.link && this.#past.wasSeen(receiver, envelope)) return;
    const overlap = this.#next?.overlap ?? null;
    if (overlap === null) {
      this.#options.deliver(receiver, envelope, origin, trace);
      return;
    }
    if (link === this.#next?.link) {
      overlap.hold(receiver, envelope, origin, trace);
    } else {
      overlap.see(receiver, envelope);
      this.#options.deliver(receiver, envelope, origin, trace);
    }
    if (overlap.isFull) this.#next?.hurry.resolve();
  }

  #onDown(link: Link): void {
    if (link === this.#next?.link) this.#next.isBroken = true;
    if (link !== this.#seat.link) return;
    this.#next?.hurry.resolve();
    this.#options.onDown();
  }

  #onUp(link: Link): void {
    if (link === this.#seat.link) this.#options.onUp();
  }

  #onLameDuck(link: Link): void {
    if (link === this.#seat.link && !this.#isMoving) void this.#handOver();
  }

  #onLost(link: Link): void {
    this.#onDown(link);
    if (link === this.#seat.link && !this.#isMoving) void this.#replace();
  }

  async #handOver(): Promise<void> {
    const { log } = this.#options;
    const old = this.#seat.link;
    this.#isMoving = true;
    log.info("nats_lame_duck", { server: old.server });
    try {
      const link = await this.#search.openElsewhere(old, () => this.#isClosed);
      if (link === null) log.warn("nats_lame_duck_no_other_server", { server: old.server });
      else await this.#moveTo(link, new Overlap());
    } catch (error) {
      // The old connection goes on until its server ends it; then it reconnects, as after any outage.
      log.warn("nats_move_failed", { error });
      old.outbox.release();
    } finally {
      this.#isMoving = false;
    }
    this.#moveOn(old);
  }

  /** Looks at what happened while a move was under way: events are passed over then. */
  #moveOn(old: Link): void {
    const { link } = this.#seat;
    if (this.#isClosed) return;
    if (link.isClosed) void this.#replace();
    else if (link !== old && link.isLameDuck) void this.#handOver();
  }

  async #replace(): Promise<void> {
    const old = this.#seat.link;
    this.#isMoving = true;
    let pauseMs = REPLACE_PAUSE_MS;
    while (!this.#isClosed) {
      try {
        await this.#moveTo(await this.#search.open(old), null);
        break;
      } catch (error) {
        this.#options.log.warn("nats_connect_failed", { error });
      }
      await pause(pauseMs * (0.5 + Math.random() / 2));
      pauseMs = Math.min(pauseMs * 2, MAX_REPLACE_PAUSE_MS);
    }
    this.#isMoving = false;
    this.#moveOn(old);
  }

  /** Takes all interest along to `link`, then ends the old connection. Closes `link` and rejects when that fails. */
  async #moveTo(link: Link, overlap: Overlap | null): Promise<void> {
    const old = this.#seat;
    const next: Successor = { ...this.#seatOn(link), overlap, hurry: defer<void>(), isBroken: false };
    this.#next = next;
    try {
      await this.#copyInterest(next);
      await confirmSeat(next);
      if (overlap !== null) {
        if (old.link.isUp) await Promise.race([pause(PROPAGATION_MS), next.hurry.promise]);
        await old.link.outbox.hold();
        // Interest that was added while moving stands as well.
        await link.confirm();
      }
      if (next.isBroken || this.#isClosed) throw new BusUnavailableError("the new connection to NATS broke");
    } catch (error) {
      this.#next = null;
      for (const { subscriptions } of this.#controls) subscriptions.delete(link);
      await link.close();
      throw error;
    }
    this.#swap(old, next);
  }

  #swap(old: Seat, next: Successor): void {
    this.#seat = next;
    this.#next = null;
    for (const { subscriptions } of this.#controls) subscriptions.delete(old.link);
    next.overlap?.end((receiver, envelope, origin, trace) => {
      if (next.interest.has(receiver)) this.#options.deliver(receiver, envelope, origin, trace);
    });
    this.#remember(next.overlap);
    old.link.outbox.moveTo(next.link.outbox);
    void old.link.close();
    this.#options.log.info("nats_moved", { from: old.link.server, to: next.link.server });
    this.#options.onUp();
  }

  #remember(overlap: Overlap | null): void {
    if (overlap === null) return;
    this.#past = overlap;
    const forget = () => {
      if (this.#past === overlap) this.#past = null;
    };
    setTimeout(forget, MAX_LAG_MS).unref();
  }

  async #copyInterest(next: Successor): Promise<void> {
    let copied = 0;
    for (const receiver of this.#seat.interest.receivers()) {
      next.interest.add(receiver);
      copied++;
      if (copied % CHUNK === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function subscribeOn(link: Link, { subject, callback, subscriptions }: Control): void {
  const subscription = link.subscribe(subject, callback);
  if (subscription !== null) subscriptions.set(link, subscription);
}
