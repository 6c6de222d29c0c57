import { Histogram } from "../histogram.ts";
import { Follower, type FollowerEvents, type Place } from "./follower.ts";
import type { ComeBackReply, ConnectReply, FollowCommand, FollowerReport } from "./messages.ts";
import { Positions } from "./positions.ts";
import { until } from "./until.ts";

/** One in so many followers has its deliveries parsed and compared; the others' numbers are looked at. */
const SAMPLE_EVERY = 100;

/** Connections from one source address. */
const PER_ADDRESS = 1_000;

/** Longest time for all to be there, and for all to have everything at the end. */
const READY_DEADLINE_MS = 60_000;
const END_DEADLINE_MS = 60_000;

/** Pause before an attempt that failed is made again, at least; up to twice as long. */
const RETRY_MS = 50;
/** Failed attempts that are made again before it is given up. */
const MAX_RETRIES = 20_000;

/** All followers of one generator process. */
export class FollowerPool {
  readonly #addressBlock: number;
  readonly #positions = new Positions();
  readonly #all = new Histogram();
  readonly #live = new Histogram();
  readonly #unrecovered = new Map<string, number>();
  #followers: Follower[] = [];
  #indexes = new Map<Follower, number>();
  #places: Pick<FollowCommand, "socketPorts" | "socketPath"> = { socketPorts: [], socketPath: "" };
  #ready = 0;
  #retries = 0;
  #gaps = 0;
  #lost = 0;
  #malformed = 0;
  #onReady: () => void = () => undefined;

  /** `addressBlock` (0 to 200) keeps the source addresses of several generators apart. */
  constructor(addressBlock: number) {
    this.#addressBlock = addressBlock;
  }

  /** Connects and subscribes so many, taking turns between the gateways. Nothing may have been published yet. */
  async connect({ clients, parallel, ...places }: FollowCommand): Promise<ConnectReply> {
    const began = performance.now();
    this.#places = places;
    const shared = { positions: this.#positions, events: this.#events };
    this.#followers = Array.from(
      { length: clients },
      (_, at) => new Follower({ ...shared, isSampled: at % SAMPLE_EVERY === 0 }),
    );
    this.#indexes = new Map(this.#followers.map((follower, index) => [follower, index]));
    let next = 0;
    const joinNext = (): void => {
      if (next >= clients) return;
      const index = next++;
      this.#join(index, index % places.socketPorts.length);
    };
    this.#onReady = joinNext;
    for (let started = 0; started < parallel; started++) joinNext();
    await until(() => this.#ready === clients, READY_DEADLINE_MS);
    this.#onReady = () => undefined;
    return { seconds: (performance.now() - began) / 1000, ready: this.#ready, retries: this.#retries };
  }

  /** Drops all at once; each comes back within `withinMs`, to any of the gateways. Resolves when all are back. */
  async comeBack(withinMs: number): Promise<ComeBackReply> {
    const began = performance.now();
    const { socketPorts } = this.#places;
    this.drop();
    this.#retries = 0;
    for (const index of this.#followers.keys()) {
      setTimeout(() => this.#join(index, Math.floor(Math.random() * socketPorts.length)), Math.random() * withinMs);
    }
    await until(() => this.#ready === this.#followers.length, withinMs + READY_DEADLINE_MS);
    return { seconds: (performance.now() - began) / 1000, retries: this.#retries };
  }

  /** Waits until all have event number `last`, and sums up. */
  async end(last: number): Promise<FollowerReport> {
    await until(() => this.#followers.every((follower) => follower.last >= last), END_DEADLINE_MS);
    const missingOf = (follower: Follower) => follower.missing + Math.max(0, last - follower.last);
    const isComplete = (follower: Follower) => missingOf(follower) === 0 && follower.repeated === 0;
    return {
      returned: this.#followers.filter(({ isReady }) => isReady).length,
      complete: this.#followers.filter(isComplete).length,
      missing: this.#followers.reduce((sum, follower) => sum + missingOf(follower), 0),
      repeated: this.#followers.reduce((sum, follower) => sum + follower.repeated, 0),
      unrecovered: [...this.#unrecovered],
      gaps: this.#gaps,
      lost: this.#lost,
      malformed: this.#malformed,
      all: this.#all.toCounts(),
      live: this.#live.toCounts(),
    };
  }

  /** Ends all connections at once. */
  drop(): void {
    for (const follower of this.#followers) follower.leave();
    this.#ready = 0;
  }

  #join(index: number, gateway: number): void {
    const follower = this.#followers[index];
    if (follower === undefined) return;
    const { socketPorts, socketPath } = this.#places;
    const place: Place = {
      port: socketPorts[gateway] ?? 0,
      path: socketPath,
      localAddress: `127.0.${1 + this.#addressBlock}.${1 + Math.floor(index / PER_ADDRESS)}`,
    };
    const position = follower.last === 0 ? follower.firstPosition : this.#positions.of(follower.last);
    follower.join(place, position);
  }

  #rejoin(follower: Follower): void {
    const index = this.#indexes.get(follower);
    if (index === undefined || this.#retries++ >= MAX_RETRIES) return;
    setTimeout(() => this.#join(index, index % this.#places.socketPorts.length), RETRY_MS * (1 + Math.random()));
  }

  readonly #events: FollowerEvents = {
    ready: (_, problem) => {
      this.#ready++;
      if (problem !== null) this.#unrecovered.set(problem, (this.#unrecovered.get(problem) ?? 0) + 1);
      this.#onReady();
    },
    lost: (follower) => {
      const wasReady = follower.isReady;
      follower.leave();
      if (!wasReady) {
        this.#rejoin(follower);
        return;
      }
      this.#lost++;
      this.#ready--;
    },
    delivered: (ms, isLive) => {
      this.#all.add(ms);
      if (isLive) this.#live.add(ms);
    },
    malformed: () => {
      this.#malformed++;
    },
    gap: () => {
      this.#gaps++;
    },
  };
}
