import type { MemoryBackbone } from "./memory-bus.ts";
import type { ChannelAddress } from "./ports/bus.ts";
import type { Clock } from "./ports/clock.ts";
import {
  type AppendOptions,
  type AppendResult,
  type HistoryLimits,
  type HistoryPage,
  type HistoryQuery,
  type HistoryStore,
  type HistoryUsage,
  type Position,
  TRIMMED_SHARE,
} from "./ports/history-store.ts";
import type { IdSource } from "./ports/ids.ts";
import { withinBytes } from "./within-bytes.ts";

const DEFAULT_MAX_BYTES = 67_108_864;
const DEFAULT_WINDOW_MS = 120_000;
const DEFAULT_MAX_KEYS = 100_000;

/** Empty channels of which is remembered what they have lost; beyond that the oldest are forgotten. */
const MAX_EMPTY_CHANNELS = 10_000;

/** What one kept publication takes besides its bytes: the object, its array and its place in the indexes. */
const ENTRY_OVERHEAD_BYTES = 200;

const EPOCH_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const EPOCH_LENGTH = 16;

/** What a MemoryHistory stands on. */
export interface MemoryHistoryOptions {
  /** Brings what is appended to whoever has interest. */
  readonly backbone: MemoryBackbone;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, "random">;
  /** Most bytes kept, all channels together, with an allowance for the objects around them. Default 64 MiB. */
  readonly maxBytes?: number;
  /** How long an idempotency key is remembered, in ms. Default 2 minutes. */
  readonly idempotencyWindowMs?: number;
  /** Most keys remembered; beyond that the oldest are forgotten early. Default 100,000. */
  readonly maxIdempotencyKeys?: number;
}

interface Entry {
  readonly offset: number;
  readonly envelope: Uint8Array;
  /** Monotonic. */
  readonly atMs: number;
}

interface Kept {
  readonly name: string;
  readonly appId: string;
  entries: Entry[];
  /** Newest offset that is kept no more; 0 while nothing was lost. */
  lostUpTo: number;
}

/**
 * The histories of one process: the in-process stand-in for JetStream, with the same promises. It forgets everything when
 * the process exits; the next one begins with another epoch, so that no client takes its offsets for the old ones.
 *
 * Bounded: each channel by its own limits, oldest first, and all of them together by `maxBytes`, again oldest first.
 */
export class MemoryHistory implements HistoryStore {
  readonly isAvailable = true;
  readonly #backbone: MemoryBackbone;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #windowMs: number;
  readonly #maxKeys: number;
  readonly #epoch: string;
  readonly #channels = new Map<string, Kept>();
  readonly #emptyChannels = new Set<string>();
  // By offset, so the oldest is the first.
  readonly #owners = new Map<number, Kept>();
  // In the order of insertion, which is the order of expiry.
  readonly #keys = new Map<string, { readonly offset: number; readonly untilMs: number }>();
  #lastOffset = 0;
  // What channels have lost of which nothing else is known any more.
  #forgottenUpTo = 0;
  #bytes = 0;

  constructor(options: MemoryHistoryOptions) {
    this.#backbone = options.backbone;
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#windowMs = options.idempotencyWindowMs ?? DEFAULT_WINDOW_MS;
    this.#maxKeys = options.maxIdempotencyKeys ?? DEFAULT_MAX_KEYS;
    this.#epoch = randomEpoch(options.ids);
  }

  /** Bytes that are kept now, as `maxBytes` counts them. */
  get bytes(): number {
    return this.#bytes;
  }

  async append(address: ChannelAddress, envelope: Uint8Array, options: AppendOptions): Promise<AppendResult> {
    const key = keyOf(address, options.idempotencyKey);
    const earlier = this.#findKey(key);
    if (earlier !== null) return { position: this.#at(earlier), isDuplicate: true };
    const { offset, previousOffset } = this.#keep(address, envelope.slice(), options.limits);
    this.#noteKey(key, offset);
    this.#backbone.deliver(address, envelope, { offset, previousOffset }, options.trace);
    return { position: this.#at(offset), isDuplicate: false };
  }

  async read(address: ChannelAddress, query: HistoryQuery): Promise<HistoryPage> {
    const kept = this.#channels.get(keyOf(address));
    const entries = kept?.entries ?? [];
    const from = firstWithin(entries, query.limits, this.#clock.monotonic());
    const lostUpTo = entries[from - 1]?.offset ?? kept?.lostUpTo ?? this.#forgottenUpTo;
    const head = this.#headOf(entries.slice(from));
    const { since, limit, maxBytes, direction } = query;
    const isKnown = since !== null && since.epoch === this.#epoch && since.offset <= this.#lastOffset;
    const after = isKnown ? entries.slice(from).filter(({ offset }) => offset > since.offset) : entries.slice(from);
    const page = withinBytes(direction === "forward" ? after.slice(0, limit) : after.slice(-limit).reverse(), maxBytes);
    return {
      publications: page.map(({ offset, envelope }) => ({ offset, envelope })),
      head,
      isReachable: since === null || (isKnown && since.offset >= lostUpTo),
      hasMore: page.length < after.length,
    };
  }

  async heads(addresses: readonly ChannelAddress[]): Promise<readonly Position[]> {
    return addresses.map((address) => this.#headOf(this.#channels.get(keyOf(address))?.entries ?? []));
  }

  async trim(appId: string, maxBytes: number): Promise<HistoryUsage> {
    const own = [...this.#owners.values()].filter((kept) => kept.appId === appId);
    let bytes = 0;
    for (const kept of new Set(own)) bytes += kept.entries.reduce((sum, { envelope }) => sum + sizeOf(envelope), 0);
    let dropped = 0;
    const goal = bytes > maxBytes ? maxBytes * TRIMMED_SHARE : bytes;
    // In the order of offsets: each stands for the oldest that its channel still has.
    for (const kept of own) {
      if (bytes <= goal) break;
      bytes -= sizeOf((kept.entries[0] as Entry).envelope);
      this.#dropFirst(kept, 1);
      dropped++;
    }
    return { bytes, dropped };
  }

  #headOf(entries: readonly Entry[]): Position {
    const newest = entries.at(-1);
    if (newest !== undefined) return this.#at(newest.offset);
    return { ...this.#at(this.#lastOffset), emptyAtMs: this.#clock.now() };
  }

  #keep(
    address: ChannelAddress,
    envelope: Uint8Array,
    limits: HistoryLimits,
  ): { offset: number; previousOffset: number } {
    const kept = this.#channelOf(address);
    const nowMs = this.#clock.monotonic();
    // By age before, by number after: what pushes the last one out still knows it.
    this.#dropFirst(kept, firstWithin(kept.entries, { ...limits, messages: kept.entries.length }, nowMs));
    const previousOffset = kept.entries.at(-1)?.offset ?? 0;
    this.#lastOffset++;
    const offset = this.#lastOffset;
    kept.entries.push({ offset, envelope, atMs: nowMs });
    this.#owners.set(offset, kept);
    this.#emptyChannels.delete(kept.name);
    this.#bytes += sizeOf(envelope);
    this.#dropFirst(kept, kept.entries.length - limits.messages);
    this.#shrink();
    return { offset, previousOffset };
  }

  /** Drops the oldest of all until the rest fits. */
  #shrink(): void {
    for (const owner of this.#owners.values()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#dropFirst(owner, 1);
    }
  }

  #dropFirst(kept: Kept, count: number): void {
    for (let left = count; left > 0; left--) {
      const entry = kept.entries.shift();
      if (entry === undefined) break;
      kept.lostUpTo = entry.offset;
      this.#owners.delete(entry.offset);
      this.#bytes -= sizeOf(entry.envelope);
    }
    if (kept.entries.length === 0) this.#noteEmpty(kept);
  }

  #noteEmpty(kept: Kept): void {
    this.#emptyChannels.add(kept.name);
    for (const name of this.#emptyChannels) {
      if (this.#emptyChannels.size <= MAX_EMPTY_CHANNELS) return;
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, this.#channels.get(name)?.lostUpTo ?? 0);
      this.#channels.delete(name);
      this.#emptyChannels.delete(name);
    }
  }

  #channelOf(address: ChannelAddress): Kept {
    const name = keyOf(address);
    let kept = this.#channels.get(name);
    if (kept === undefined) {
      // Nobody can say any more whether it is one of the forgotten.
      kept = { name, appId: address.appId, entries: [], lostUpTo: this.#forgottenUpTo };
      this.#channels.set(name, kept);
    }
    return kept;
  }

  #at(offset: number): Position {
    return { epoch: this.#epoch, offset };
  }

  #findKey(key: string): number | null {
    const nowMs = this.#clock.monotonic();
    for (const [oldest, { untilMs }] of this.#keys) {
      if (untilMs > nowMs) break;
      this.#keys.delete(oldest);
    }
    return this.#keys.get(key)?.offset ?? null;
  }

  #noteKey(key: string, offset: number): void {
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size < this.#maxKeys) break;
      this.#keys.delete(oldest);
    }
    this.#keys.set(key, { offset, untilMs: this.#clock.monotonic() + this.#windowMs });
  }
}

/** Index of the first entry that both limits allow. */
function firstWithin(entries: readonly Entry[], limits: HistoryLimits, nowMs: number): number {
  let first = Math.max(entries.length - limits.messages, 0);
  while (first < entries.length && nowMs - (entries[first] as Entry).atMs >= limits.maxAgeMs) first++;
  return first;
}

function sizeOf(envelope: Uint8Array): number {
  return envelope.length + ENTRY_OVERHEAD_BYTES;
}

// JSON keeps the parts apart whatever characters they have.
function keyOf({ appId, channel }: ChannelAddress, ...more: string[]): string {
  return JSON.stringify([appId, channel, ...more]);
}

function randomEpoch(ids: Pick<IdSource, "random">): string {
  return Array.from(
    { length: EPOCH_LENGTH },
    () => EPOCH_CHARACTERS[Math.floor(ids.random() * EPOCH_CHARACTERS.length)],
  ).join("");
}
