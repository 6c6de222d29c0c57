import { setTimeout as delay } from "node:timers/promises";
import type { BusReceiver } from "@carillon/core";
import { ExactInterest, type Interest, type InterestOptions, partitionIn } from "./interest.ts";
import { PARTITION_CHOICE_DEFAULTS, PartitionChoice, type PartitionChoiceSettings } from "./partition-choice.ts";
import { PartitionInterest } from "./partition-interest.ts";
import { PARTITIONS } from "./subject.ts";
import { Turnstile } from "./turnstile.ts";
import { TwoWays, type Way } from "./two-ways.ts";

/** How an AutoInterest chooses. */
export interface AutoInterestSettings extends PartitionChoiceSettings {
  /** How long both ways are kept after the server has confirmed the new one, and how long repeats are known after that, in ms. */
  readonly settleMs: number;
}

/** What an AutoInterest is made from. */
export interface AutoInterestOptions extends InterestOptions {
  readonly settings?: Partial<AutoInterestSettings>;
  /** Hears, once, that the server permits no wildcard: every receiver keeps a subscription of its own. */
  readonly onForbidden?: () => void;
  /** Hears of each partition that begins to change from one way to the other. */
  readonly onChange?: () => void;
}

const DEFAULTS: AutoInterestSettings = {
  ...PARTITION_CHOICE_DEFAULTS,
  // A server that is busy may sit on a message between looking up who gets it and handing it out; it stalls for 10 ms by itself.
  settleMs: 1_000,
};

// Subscribing takes some 10 µs each; in chunks, so that clients are served meanwhile.
const CHUNK = 500;

interface Partition {
  readonly name: string;
  readonly choice: PartitionChoice;
  /** Receivers with a subscription of their own. */
  readonly exact: Set<BusReceiver>;
  /** Channels are counted by their receivers, of which a node has one each. */
  receivers: number;
  /** Not null while it changes from one way to the other. */
  change: TwoWays | null;
}

/** From one way to the other. */
interface Change {
  /** Adds all to the new way. */
  readonly begin: () => Promise<void>;
  readonly olds: () => Iterable<BusReceiver>;
  /** Takes one off the old way. */
  readonly end: (receiver: BusReceiver) => void;
}

/**
 * A NATS subscription for each receiver where there are few in a partition, and the partition's wildcard where there are many. A
 * receiver that came by the wildcard has no subscription of its own, nor any other record but its place in a map.
 *
 * **The law of a change.** Each receiver gets every envelope once and in order, whatever changes meanwhile. The new way is subscribed to;
 * once the server has confirmed it, and a while later, the old one is unsubscribed; until the server has confirmed that as well, and a while
 * later, the second copy of an envelope is dropped. Why that is enough:
 *
 * - *Nothing is lost.* The server looks up who gets a message, then hands it to one subscription after the other, and both are of one
 *   connection. What it looks up after it took the new subscription comes on the new way, which nobody ends. What it looked up
 *   before comes on the old way, which stands for the while: far longer than the server needs from looking up to handing out.
 *   On the way between servers the same holds: they are told of the new interest before the end of the old one, on the same route, and
 *   pass on one copy for both.
 * - *Nothing comes twice.* There are two copies at most, each is looked for among those of the other way, and they are remembered from before
 *   the first second copy can come until after the last one.
 * - *The order holds.* The server handles the messages of one publisher one after the other, so all copies of one are in the stream
 *   to this node before any copy of the next. Taking the first copy of each therefore keeps their order, whichever way it came on.
 *
 * A receiver that is added while its partition changes is added to the new way alone, and needs no second one.
 */
export class AutoInterest implements Interest {
  readonly #options: AutoInterestOptions;
  readonly #settings: AutoInterestSettings;
  readonly #exact: ExactInterest;
  readonly #wild: PartitionInterest;
  readonly #partitions = new Map<string, Partition>();
  /** One partition at a time subscribes or unsubscribes many. */
  readonly #bulk = new Turnstile({ atOnce: 1, waiting: PARTITIONS });
  /** How many change at the moment: none at nearly all times. */
  #changing = 0;
  #renewals = 0;
  /** True once the server refused a wildcard: it is not asked for another. */
  #isForbidden = false;

  constructor(options: AutoInterestOptions) {
    this.#options = options;
    this.#settings = { ...DEFAULTS, ...options.settings };
    const { deliver, onUnwanted } = options;
    this.#exact = new ExactInterest({
      ...options,
      deliver: (receiver, envelope, stamp, trace) => {
        if (this.#isRepeat("exact", receiver, envelope)) return;
        deliver(receiver, envelope, stamp, trace);
      },
      onRefused: (receiver) => this.#onExactRefused(receiver),
    });
    this.#wild = new PartitionInterest({
      ...options,
      deliver: (receiver, envelope, stamp, trace) => {
        if (this.#isRepeat("wildcard", receiver, envelope)) return;
        deliver(receiver, envelope, stamp, trace);
      },
      onRefused: (receiver) => this.#onWildcardRefused(receiver),
      onUnwanted: (name, bytes) => {
        onUnwanted?.(name, bytes);
        this.#onUnwanted(name, bytes);
      },
    });
    const timer = setInterval(() => {
      if (options.link.isClosed) clearInterval(timer);
      else this.#reconsider();
    }, this.#settings.windowMs);
    timer.unref();
  }

  get wildcards(): number {
    return this.#wild.wildcards;
  }

  get renewals(): number {
    return this.#renewals;
  }

  add(receiver: BusReceiver): void {
    const partition = this.#partitionOf(receiver);
    if (partition.exact.has(receiver)) return;
    if (partition.choice.isWildcard) {
      if (!this.#wild.add(receiver)) return;
    } else {
      if (mayHaveWildcard(partition) && this.#wild.has(receiver)) return;
      this.#addExact(partition, receiver);
    }
    partition.receivers++;
    this.#enterIfWorth(partition);
  }

  remove(receiver: BusReceiver): boolean {
    const partition = this.#partitionOf(receiver);
    const wasExact = this.#removeExact(partition, receiver);
    const wasWild = mayHaveWildcard(partition) && this.#wild.remove(receiver);
    if (!wasExact && !wasWild) return false;
    partition.receivers--;
    return true;
  }

  has(receiver: BusReceiver): boolean {
    const partition = this.#partitionOf(receiver);
    return partition.exact.has(receiver) || (mayHaveWildcard(partition) && this.#wild.has(receiver));
  }

  *receivers(): Iterable<BusReceiver> {
    // A list of its own: who changes from one way to the other meanwhile must not be passed over.
    const all = new Set([...this.#exact.receivers(), ...this.#wild.receivers()]);
    for (const receiver of all) if (this.has(receiver)) yield receiver;
  }

  #partitionOf(receiver: BusReceiver): Partition {
    const name = partitionIn(receiver);
    let partition = this.#partitions.get(name);
    if (partition === undefined) {
      const choice = new PartitionChoice(this.#settings);
      partition = { name, choice, exact: new Set(), receivers: 0, change: null };
      this.#partitions.set(name, partition);
    }
    return partition;
  }

  #addExact(partition: Partition, receiver: BusReceiver): void {
    this.#exact.add(receiver);
    partition.exact.add(receiver);
  }

  #removeExact(partition: Partition, receiver: BusReceiver): boolean {
    this.#exact.remove(receiver);
    return partition.exact.delete(receiver);
  }

  #isRepeat(way: Way, receiver: BusReceiver, envelope: Uint8Array): boolean {
    if (this.#changing === 0) return false;
    return this.#partitionOf(receiver).change?.isRepeat(way, receiver, envelope) === true;
  }

  #onUnwanted(name: string, bytes: number): void {
    const partition = this.#partitions.get(name);
    if (partition === undefined || !partition.choice.spend(bytes, partition.receivers)) return;
    if (partition.change === null && partition.choice.isWildcard) this.#leave(partition);
  }

  #reconsider(): void {
    for (const partition of this.#partitions.values()) {
      partition.choice.turn();
      if (partition.change !== null) continue;
      if (partition.choice.isDeserted(partition.receivers)) this.#leave(partition);
      else this.#enterIfWorth(partition);
    }
  }

  #enterIfWorth(partition: Partition): void {
    if (this.#isForbidden || partition.change !== null) return;
    if (partition.choice.isWorthWildcard(partition.receivers, performance.now())) this.#enter(partition);
  }

  /** Subscribes to the wildcard in this turn already, so that receivers that are added next have it. */
  #enter(partition: Partition): void {
    partition.choice.enter(performance.now());
    void this.#change(partition, {
      begin: async () => {
        for (const receiver of partition.exact) this.#wild.add(receiver);
      },
      olds: () => partition.exact,
      end: (receiver) => this.#removeExact(partition, receiver),
    });
  }

  #leave(partition: Partition): void {
    partition.choice.leave(performance.now());
    const all = () => this.#wild.receiversIn(partition.name);
    void this.#change(partition, {
      begin: () => this.#inChunks(all(), (receiver) => this.#addExact(partition, receiver)),
      olds: all,
      end: (receiver) => this.#wild.remove(receiver),
    });
  }

  /** Stays under way for ever where the link is closed: there is nothing to wait for, and what is on either way is still told. */
  async #change(partition: Partition, { begin, olds, end }: Change): Promise<void> {
    const ways = new TwoWays();
    partition.change = ways;
    this.#changing++;
    this.#options.onChange?.();
    const isOver = () => partition.change !== ways;
    await begin();
    if ((await this.#settle()) && !isOver()) {
      await this.#inChunks(olds(), (receiver) => {
        // The server may have refused the new way after a reconnect.
        if (!isOver()) end(receiver);
      });
      ways.end();
      if ((await this.#settle()) && !isOver()) partition.change = null;
    }
    if (isOver()) this.#changing--;
  }

  /** Resolves a while after the server has confirmed what it was given so far, with true; with false when the link is closed. */
  async #settle(): Promise<boolean> {
    const { link } = this.#options;
    let isConfirmed = false;
    while (!isConfirmed && !link.isClosed) {
      // Where it fails, the connection broke. What was subscribed to comes back with it.
      isConfirmed = await link.confirm().then(
        () => true,
        () => false,
      );
      await delay(this.#settings.settleMs, undefined, { ref: false });
    }
    return !link.isClosed;
  }

  #inChunks(receivers: Iterable<BusReceiver>, act: (receiver: BusReceiver) => void): Promise<void> {
    return this.#bulk.pass(
      async () => {
        let done = 0;
        for (const receiver of receivers) {
          act(receiver);
          done++;
          if (done % CHUNK === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      },
      () => new Error("unreachable: each partition changes once at a time"),
    );
  }

  #onExactRefused(receiver: BusReceiver): void {
    this.remove(receiver);
    this.#options.onRefused(receiver);
  }

  /** Each receiver asks for its own channel instead: the account may be permitted some channels only. */
  #onWildcardRefused(receiver: BusReceiver): void {
    const partition = this.#partitionOf(receiver);
    if (!this.#isForbidden) this.#options.onForbidden?.();
    this.#isForbidden = true;
    this.#renewals++;
    if (partition.choice.isWildcard) partition.choice.leave(performance.now());
    partition.change = null;
    this.#addExact(partition, receiver);
  }
}

/** False where all receivers have subscriptions of their own alone. */
function mayHaveWildcard({ choice, change }: Partition): boolean {
  return choice.isWildcard || change !== null;
}
