import { type BusReceiver, BusUnavailableError } from "@carillon/core";
import { type Deferred, defer, withDeadline } from "./deadline.ts";
import type { MovableLink } from "./movable-link.ts";
import { CONFIRM_TIMEOUT_MS } from "./outbox.ts";

/** What BusSubscriptions stand on. */
export interface BusSubscriptionsOptions {
  readonly link: Pick<MovableLink, "add" | "remove" | "confirm" | "isUp">;
  /** How long a subscribe waits for the bus, in ms. */
  readonly timeoutMs: number;
  /** Throws once the bus is closed. */
  readonly assertOpen: () => void;
}

/** Brings receivers' interest to NATS, and says when it stands there. */
export class BusSubscriptions {
  readonly #options: BusSubscriptionsOptions;
  /** Receivers whose subscribe is under way, each with the mark of its newest one. */
  readonly #subscribing = new Map<BusReceiver, symbol>();
  readonly #refused = new WeakSet<BusReceiver>();
  #change: Deferred<void> = defer<void>();

  constructor(options: BusSubscriptionsOptions) {
    this.#options = options;
  }

  /** See {@link Bus.subscribe}. */
  async subscribe(receiver: BusReceiver): Promise<void> {
    const { link } = this.#options;
    const mark = Symbol("subscribe");
    this.#refused.delete(receiver);
    link.add(receiver);
    this.#subscribing.set(receiver, mark);
    try {
      await this.whenStanding();
      if (this.#refused.has(receiver)) {
        throw new BusUnavailableError("NATS does not permit this node to subscribe to the channel");
      }
    } catch (error) {
      // Unless the receiver left meanwhile, and perhaps came back: then this is not its newest subscribe.
      if (this.#subscribing.get(receiver) === mark) link.remove(receiver);
      throw error;
    } finally {
      if (this.#subscribing.get(receiver) === mark) this.#subscribing.delete(receiver);
    }
  }

  /** See {@link Bus.unsubscribe}. */
  unsubscribe(receiver: BusReceiver): void {
    this.#subscribing.delete(receiver);
    this.#options.link.remove(receiver);
  }

  /** NATS doesn't permit the receiver's subscription. */
  refuse(receiver: BusReceiver): void {
    this.#refused.add(receiver);
  }

  /** The connection came, or went: whoever waits for it looks again. */
  linkChanged(): void {
    const change = this.#change;
    this.#change = defer<void>();
    change.resolve();
  }

  /** Resolves when all interest that was started so far stands. */
  async whenStanding(): Promise<void> {
    const { link, timeoutMs, assertOpen } = this.#options;
    const endMs = performance.now() + timeoutMs;
    const late = () => new BusUnavailableError(`NATS did not take the subscription within ${timeoutMs} ms`);
    for (;;) {
      assertOpen();
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw late();
      if (!link.isUp) {
        await withDeadline(this.#change.promise, leftMs, late);
        continue;
      }
      try {
        // A confirmation has a deadline of its own; with 100,000 subscribes at once, a timer for each is worth saving.
        const confirmed = link.confirm();
        await (leftMs < CONFIRM_TIMEOUT_MS ? withDeadline(confirmed, leftMs, late) : confirmed);
        return;
      } catch {
        // The connection broke. The subscription comes back with it, so there is time until the deadline.
      }
    }
  }
}
