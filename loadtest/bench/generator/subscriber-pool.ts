import type { ConnectReply, Target } from "./messages.ts";
import { nowUs, ownChannel, SHARED_CHANNEL } from "./payload.ts";
import type { SubscriberEvents } from "./subscriber.ts";
import { Subscriber } from "./subscriber.ts";
import { until } from "./until.ts";

/** One in so many subscribers has its deliveries parsed, checked and timed; the others' are counted. */
const SAMPLE_EVERY = 100;

/** Latencies kept at most; later ones are not sampled. */
const MAX_SAMPLES = 200_000;

/** Connections from one source address. */
const PER_ADDRESS = 1_000;

/** Longest time for a connect or subscribe command to come to its end. */
const READY_DEADLINE_MS = 60_000;

/** Failed attempts that a command makes again before it gives up. */
const MAX_RETRIES = 20_000;

/** How often it is looked for subscribers that have to give a sign of life. */
const KEEP_ALIVE_STEP_MS = 2_000;

/** The part of a range that is asked for at once. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly parallel: number;
}

/** All subscribers of one generator process. */
export class SubscriberPool {
  readonly #subscribers = new Map<number, Subscriber>();
  readonly #addressBlock: number;
  #delivered = 0;
  #reads = 0;
  #lost = 0;
  #malformed = 0;
  #latenciesUs: number[] = [];
  #onProgress: () => void = nothing;
  #onReady: (subscriber: Subscriber) => void = nothing;
  #onLostBeforeReady: (subscriber: Subscriber) => void = nothing;

  /** `addressBlock` (0 to 200) keeps the source addresses of several generators apart. */
  constructor(addressBlock: number) {
    this.#addressBlock = addressBlock;
    setInterval(() => this.#keepAlive(), KEEP_ALIVE_STEP_MS).unref();
  }

  /** Deliveries since the process began. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Reads of a socket that brought at least one delivery. */
  get reads(): number {
    return this.#reads;
  }

  get size(): number {
    return this.#subscribers.size;
  }

  /** Deliveries of each subscriber since it connected, by its index. */
  received(index: number): number {
    return this.#subscribers.get(index)?.received ?? 0;
  }

  indexes(): number[] {
    return [...this.#subscribers.keys()];
  }

  /** Calls `listener` after each read that brought deliveries. There is one listener. */
  onProgress(listener: () => void): void {
    this.#onProgress = listener;
  }

  /** Hands over the latencies sampled since the last call, in microseconds. */
  takeLatencies(): number[] {
    const taken = this.#latenciesUs;
    this.#latenciesUs = [];
    return taken;
  }

  /** What went wrong since the last call, in words. */
  takeProblems(): string[] {
    const problems: string[] = [];
    if (this.#lost > 0) problems.push(`${this.#lost} connections were closed by the server`);
    if (this.#malformed > 0) problems.push(`${this.#malformed} sampled deliveries were not what was published`);
    this.#lost = 0;
    this.#malformed = 0;
    return problems;
  }

  /** Connects and subscribes a range. Failed attempts are made again at once. */
  async connect(target: Target, channels: "shared" | "own", range: Range): Promise<ConnectReply> {
    const beganUs = nowUs();
    let next = range.from;
    let ready = 0;
    let retries = 0;
    const open = (index: number): void => {
      this.#subscribers.set(
        index,
        this.#subscriber(index, target, channels === "own" ? ownChannel(index) : SHARED_CHANNEL),
      );
    };
    const openNext = (): void => {
      if (next < range.to) open(next++);
    };
    this.#onReady = () => {
      ready++;
      openNext();
    };
    this.#onLostBeforeReady = (subscriber) => {
      if (retries++ < MAX_RETRIES) setTimeout(open, 10, subscriber.index);
    };
    for (let started = 0; started < range.parallel; started++) openNext();
    await until(() => ready === range.to - range.from, READY_DEADLINE_MS);
    return this.#finishRange(beganUs, ready, retries);
  }

  /** Subscribes a connected range to the channels of its own. */
  async subscribeOwn(range: Range): Promise<ConnectReply> {
    const beganUs = nowUs();
    let next = range.from;
    let ready = 0;
    const subscribeNext = (): void => {
      if (next >= range.to) return;
      const index = next++;
      this.#subscribers.get(index)?.subscribe(ownChannel(index));
    };
    this.#onReady = () => {
      ready++;
      subscribeNext();
    };
    for (let started = 0; started < range.parallel; started++) subscribeNext();
    await until(() => ready === range.to - range.from, READY_DEADLINE_MS);
    return this.#finishRange(beganUs, ready, 0);
  }

  /** Ends all connections at once. */
  drop(): void {
    for (const subscriber of this.#subscribers.values()) subscriber.drop();
    this.#subscribers.clear();
  }

  #keepAlive(): void {
    const now = performance.now();
    for (const subscriber of this.#subscribers.values()) subscriber.keepAlive(now);
  }

  #finishRange(beganUs: number, ready: number, retries: number): ConnectReply {
    this.#onReady = nothing;
    this.#onLostBeforeReady = nothing;
    return { seconds: (nowUs() - beganUs) / 1e6, ready, retries };
  }

  #subscriber(index: number, target: Target, channel: string): Subscriber {
    const localAddress = `127.0.${1 + this.#addressBlock}.${1 + Math.floor(index / PER_ADDRESS)}`;
    const isSampled = index % SAMPLE_EVERY === 0;
    return new Subscriber({ index, target, channel, localAddress, isSampled, events: this.#events });
  }

  readonly #events: SubscriberEvents = {
    delivered: (count) => {
      this.#delivered += count;
      this.#reads++;
      this.#onProgress();
    },
    sampled: (latencyUs) => {
      if (latencyUs === null) this.#malformed++;
      else if (this.#latenciesUs.length < MAX_SAMPLES) this.#latenciesUs.push(latencyUs);
    },
    ready: (subscriber) => this.#onReady(subscriber),
    lost: (subscriber) => {
      if (this.#subscribers.get(subscriber.index) !== subscriber) return;
      this.#subscribers.delete(subscriber.index);
      if (subscriber.isReady) this.#lost++;
      else this.#onLostBeforeReady(subscriber);
    },
  };
}

function nothing(): void {
  // Nobody asked to be told.
}
