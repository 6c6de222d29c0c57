import type { Clock, Timer } from "../ports/clock.ts";
import {
  type DeadLetter,
  type DeadLetterQuery,
  type DeadLetterReason,
  type WebhookConsumer,
  type WebhookEntry,
  type WebhookLane,
  type WebhookQueue,
  type WebhookQueueStats,
  WebhookQueueUnavailableError,
  webhookLaneOf,
} from "../ports/webhook-queue.ts";
import { type Fate, MemoryConsumer, MemoryLease } from "./memory-webhook-lease.ts";
import { RecentIds } from "./recent-ids.ts";

const DEFAULT_MAX_ENTRIES = 10_000;
const DEFAULT_MAX_DEAD = 10_000;
const DEFAULT_LEASE_MS = 15_000;
const MAX_IDS = 100_000;

/** What a MemoryWebhookQueue stands on. */
export interface MemoryWebhookQueueOptions {
  readonly clock: Clock;
  /** Most entries that are queued; more are refused. Default 10,000. */
  readonly maxEntries?: number;
  /** Most dead letters that are kept; beyond that the oldest go. Default 10,000. */
  readonly maxDead?: number;
  /** How long a worker may be silent before its lane is somebody else's, in ms. Default 15 seconds. */
  readonly leaseMs?: number;
}

/** A lane in memory. */
interface LaneState {
  readonly entries: WebhookEntry[];
  /** How often the first entry has been taken. */
  attempts: number;
  lease: MemoryLease | null;
  /** When the first entry may be taken again, in monotonic ms. */
  readyAtMs: number;
  timer: Timer | null;
  readonly waiting: MemoryConsumer[];
}

/**
 * The webhook queue of one process: the in-process stand-in for JetStream, with the same promises towards its workers. It
 * forgets everything when the process exits, and refuses more than `maxEntries`.
 */
export class MemoryWebhookQueue implements WebhookQueue {
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #maxDead: number;
  readonly #leaseMs: number;
  readonly #lanes = new Map<string, LaneState>();
  readonly #ids = new RecentIds(MAX_IDS);
  #dead: DeadLetter[] = [];
  #lastDead = 0;
  #queued = 0;
  #isClosed = false;

  constructor(options: MemoryWebhookQueueOptions) {
    this.#clock = options.clock;
    this.#maxEntries = options.maxEntries ?? DEFAULT_MAX_ENTRIES;
    this.#maxDead = options.maxDead ?? DEFAULT_MAX_DEAD;
    this.#leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS;
  }

  async enqueue(entries: readonly WebhookEntry[]): Promise<void> {
    this.#assertOpen();
    for (const entry of entries) {
      const key = `${entry.appId}/${entry.endpointId}/${entry.id}`;
      if (this.#ids.has(key)) continue;
      this.#assertRoom();
      this.#ids.add(key);
      this.#push(entry);
    }
  }

  consume(lane: WebhookLane): WebhookConsumer {
    const state = this.#laneOf(lane);
    return new MemoryConsumer(this.#clock, {
      join: (consumer) => {
        this.#assertOpen();
        state.waiting.push(consumer);
        this.#serve(state);
      },
      leave: (consumer) => {
        const at = state.waiting.indexOf(consumer);
        if (at !== -1) state.waiting.splice(at, 1);
      },
    });
  }

  async stats(): Promise<WebhookQueueStats> {
    let oldestAtMs: number | null = null;
    for (const { entries } of this.#lanes.values()) {
      const first = entries[0]?.queuedAtMs ?? null;
      if (first !== null && (oldestAtMs === null || first < oldestAtMs)) oldestAtMs = first;
    }
    return { queued: this.#queued, oldestAtMs, dead: this.#dead.length };
  }

  async dead({ appId, after, limit }: DeadLetterQuery): Promise<readonly DeadLetter[]> {
    return this.#dead
      .filter(({ number, entry }) => number > after && (appId === undefined || entry.appId === appId))
      .slice(0, limit);
  }

  async revive({ number }: DeadLetter, nowMs: number): Promise<boolean> {
    this.#assertOpen();
    const letter = this.#dead.find((each) => each.number === number);
    if (letter === undefined) return false;
    this.#assertRoom();
    this.#dead = this.#dead.filter((each) => each !== letter);
    this.#push({ ...letter.entry, queuedAtMs: nowMs });
    return true;
  }

  close(): void {
    this.#isClosed = true;
    for (const state of this.#lanes.values()) {
      state.timer?.cancel();
      for (const consumer of [...state.waiting]) consumer.stop();
    }
  }

  #push(entry: WebhookEntry): void {
    const lane = webhookLaneOf(entry.event.channel);
    const state = this.#laneOf({ appId: entry.appId, endpointId: entry.endpointId, lane });
    state.entries.push(entry);
    this.#queued++;
    this.#serve(state);
  }

  #laneOf({ appId, endpointId, lane }: WebhookLane): LaneState {
    const key = `${appId}/${endpointId}/${lane}`;
    let state = this.#lanes.get(key);
    if (state === undefined) {
      state = { entries: [], attempts: 0, lease: null, readyAtMs: 0, timer: null, waiting: [] };
      this.#lanes.set(key, state);
    }
    return state;
  }

  /** Hands the lane to whoever waits for it, when its time has come. */
  #serve(state: LaneState): void {
    const [consumer] = state.waiting;
    const [first] = state.entries;
    if (consumer === undefined || first === undefined) return;
    if (state.lease?.isHeld === true) {
      this.#serveAt(state, state.lease.untilMs);
    } else if (state.readyAtMs > this.#clock.monotonic()) {
      this.#serveAt(state, state.readyAtMs);
    } else {
      state.waiting.shift();
      state.attempts++;
      const lease = new MemoryLease(this.#clock, {
        first,
        attempt: state.attempts,
        leaseMs: this.#leaseMs,
        behind: () => state.entries.slice(1),
        settle: (entries, fate) => this.#settle(state, { lease, entries, fate }),
      });
      state.lease = lease;
      consumer.give(lease);
    }
  }

  #serveAt(state: LaneState, atMs: number): void {
    state.timer?.cancel();
    const delayMs = Math.max(atMs - this.#clock.monotonic(), 1);
    state.timer = this.#clock.after(delayMs, () => this.#serve(state));
  }

  #settle(state: LaneState, { lease, entries, fate }: Settlement): void {
    if (state.lease !== lease) throw new WebhookQueueUnavailableError("the lease has run out");
    state.lease = null;
    if (fate.kind === "nak") {
      state.readyAtMs = this.#clock.monotonic() + fate.delayMs;
    } else {
      if (fate.kind === "bury") for (const entry of entries) this.#bury(entry, fate.reason, lease.attempt);
      state.entries.splice(0, entries.length);
      this.#queued -= entries.length;
      state.attempts = 0;
    }
    this.#serve(state);
  }

  #bury(entry: WebhookEntry, reason: DeadLetterReason, attempts: number): void {
    this.#lastDead++;
    this.#dead.push({ number: this.#lastDead, entry, reason, attempts, deadAtMs: this.#clock.now() });
    if (this.#dead.length > this.#maxDead) this.#dead.shift();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new WebhookQueueUnavailableError("the queue is closed");
  }

  #assertRoom(): void {
    if (this.#queued < this.#maxEntries) return;
    throw new WebhookQueueUnavailableError(`${this.#maxEntries} webhook events wait, which is as many as may`);
  }
}

interface Settlement {
  readonly lease: MemoryLease;
  readonly entries: readonly WebhookEntry[];
  readonly fate: Fate;
}
