import type { Bus, BusPublishOptions, BusPublishResult, BusReceiver, BusStatus, ChannelAddress } from "./ports/bus.ts";
import { BusUnavailableError } from "./ports/bus.ts";
import type { Clock } from "./ports/clock.ts";
import type { StreamStamp } from "./ports/history-store.ts";
import type { TraceContext } from "./ports/tracer.ts";

const DEFAULT_WINDOW_MS = 120_000;
const DEFAULT_MAX_KEYS = 100_000;

/** How a MemoryBackbone remembers idempotency keys. */
export interface MemoryBackboneOptions {
  readonly clock: Clock;
  /** How long a key is remembered, in ms. Default 2 minutes. */
  readonly idempotencyWindowMs?: number;
  /** Most keys remembered; beyond that the oldest are forgotten early. Default 100,000. */
  readonly maxIdempotencyKeys?: number;
}

/**
 * What the buses of one process share: the in-process stand-in for a NATS cluster, with the same semantics (the same
 * contract suite runs on both).
 */
export class MemoryBackbone {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxKeys: number;
  readonly #receiversByApp = new Map<string, Map<string, Set<BusReceiver>>>();
  // In the order of insertion, which is the order of expiry.
  readonly #keys = new Map<string, number>();

  constructor(options: MemoryBackboneOptions) {
    this.#clock = options.clock;
    this.#windowMs = options.idempotencyWindowMs ?? DEFAULT_WINDOW_MS;
    this.#maxKeys = options.maxIdempotencyKeys ?? DEFAULT_MAX_KEYS;
  }

  add(receiver: BusReceiver): void {
    let receivers = this.#receiversByApp.get(receiver.appId);
    if (receivers === undefined) {
      receivers = new Map();
      this.#receiversByApp.set(receiver.appId, receivers);
    }
    const ofChannel = receivers.get(receiver.channel);
    if (ofChannel === undefined) receivers.set(receiver.channel, new Set([receiver]));
    else ofChannel.add(receiver);
  }

  remove(receiver: BusReceiver): void {
    const receivers = this.#receiversByApp.get(receiver.appId);
    const ofChannel = receivers?.get(receiver.channel);
    if (receivers === undefined || ofChannel === undefined) return;
    ofChannel.delete(receiver);
    if (ofChannel.size > 0) return;
    receivers.delete(receiver.channel);
    if (receivers.size === 0) this.#receiversByApp.delete(receiver.appId);
  }

  /** Hands an envelope to whoever has interest; with a `stamp` when it came out of a history. */
  deliver(address: ChannelAddress, envelope: Uint8Array, stamp?: StreamStamp, trace?: TraceContext): void {
    const receivers = this.#receiversByApp.get(address.appId)?.get(address.channel);
    if (receivers === undefined) return;
    for (const receiver of receivers) receiver.receive(envelope, stamp, trace);
  }

  /** Notes a key; false when it is known from within the window. */
  noteKey(address: ChannelAddress, key: string): boolean {
    const nowMs = this.#clock.monotonic();
    this.#forgetKeys((untilMs) => untilMs <= nowMs);
    // JSON keeps the three apart whatever characters they have.
    const full = JSON.stringify([address.appId, address.channel, key]);
    if (this.#keys.has(full)) return false;
    this.#forgetKeys(() => this.#keys.size >= this.#maxKeys);
    this.#keys.set(full, nowMs + this.#windowMs);
    return true;
  }

  /** Forgets keys, oldest first, as long as `isDue` says so. */
  #forgetKeys(isDue: (untilMs: number) => boolean): void {
    for (const [oldest, untilMs] of this.#keys) {
      if (!isDue(untilMs)) return;
      this.#keys.delete(oldest);
    }
  }
}

/** One node's bus within a process. */
export class MemoryBus implements Bus {
  readonly #backbone: MemoryBackbone;
  readonly #receivers = new Set<BusReceiver>();
  readonly #listeners = new Set<(status: BusStatus) => void>();
  #status: BusStatus = "connected";

  constructor(backbone: MemoryBackbone) {
    this.#backbone = backbone;
  }

  get status(): BusStatus {
    return this.#status;
  }

  async subscribe(receiver: BusReceiver): Promise<void> {
    this.#assertOpen();
    this.#receivers.add(receiver);
    this.#backbone.add(receiver);
  }

  unsubscribe(receiver: BusReceiver): void {
    if (this.#receivers.delete(receiver)) this.#backbone.remove(receiver);
  }

  async publish(address: ChannelAddress, envelope: Uint8Array, options?: BusPublishOptions): Promise<BusPublishResult> {
    this.#assertOpen();
    const key = options?.idempotencyKey;
    if (key !== undefined && !this.#backbone.noteKey(address, key)) return { isDuplicate: true };
    this.#backbone.deliver(address, envelope, undefined, options?.trace);
    return { isDuplicate: false };
  }

  onStatus(listener: (status: BusStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Never: within a process nothing is lost. */
  onDoubt(): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {
    if (this.#status === "closed") return;
    for (const receiver of this.#receivers) this.#backbone.remove(receiver);
    this.#receivers.clear();
    this.#status = "closed";
    for (const listener of this.#listeners) listener("closed");
  }

  #assertOpen(): void {
    if (this.#status === "closed") throw new BusUnavailableError("this node's bus is closed");
  }
}
