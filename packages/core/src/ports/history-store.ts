import type { ChannelAddress } from "./bus.ts";
import type { TraceContext } from "./tracer.ts";

/**
 * A place in the stream of a channel. Opaque to clients, who get it as text (`formatPosition`).
 *
 * Offsets of one channel rise with time and are not dense (a stream holds many channels). They mean something only within
 * their epoch: a store that was lost and begun anew has another one, so that no client mistakes new offsets for old.
 */
export interface Position {
  /** Identity of the stream, 1 to 32 characters of `A-Z a-z 0-9 _ -`. */
  readonly epoch: string;
  /** 0 is before everything. */
  readonly offset: number;
  /**
   * Set when nothing of the channel was kept at this place: when that was, in ms since 1970. The offset is then that of the
   * whole stream, and what is kept of the channel later comes after it.
   */
  readonly emptyAtMs?: number;
}

/** What the bus tells about an envelope that came out of a stream. Absent on envelopes of channels without history. */
export interface StreamStamp {
  readonly offset: number;
  /** Offset of the publication before it on the same channel; 0 when there was none, or it is known no more. */
  readonly previousOffset: number;
}

/** How much of a channel is kept. Both bounds hold. */
export interface HistoryLimits {
  /** Newest publications kept, at least 1. */
  readonly messages: number;
  /** Age up to which one is kept, in ms. */
  readonly maxAgeMs: number;
}

/** A publication as it is kept. */
export interface StoredPublication {
  readonly offset: number;
  /** Encoded by `encodeEnvelope`. */
  readonly envelope: Uint8Array;
}

/** How to append one publication. */
export interface AppendOptions {
  readonly limits: HistoryLimits;
  /** A second append with the same one on the same channel, within the store's window, adds and delivers nothing. */
  readonly idempotencyKey: string;
  /** Goes along to whoever gets the publication live; what is read later comes without it. Absent: nothing is added. */
  readonly trace?: TraceContext;
}

/** What became of an append. */
export interface AppendResult {
  readonly position: Position;
  /** True: an earlier one with the same idempotency key was kept at this position; nothing was added or delivered. */
  readonly isDuplicate: boolean;
}

/** Which part of a channel's history to read. */
export interface HistoryQuery {
  readonly limits: HistoryLimits;
  /** Read what came after this; null reads from the oldest that is kept (`forward`) or the newest (`backward`). */
  readonly since: Position | null;
  /** Most publications in the answer, 1 to 1000. */
  readonly limit: number;
  /** Most bytes of envelopes in the answer, but for its first publication, which may have more. Absent: as many as there are. */
  readonly maxBytes?: number;
  /** `forward`: oldest first. `backward`: newest first; then `since` must be null. */
  readonly direction: "forward" | "backward";
}

/** An answer of the store. */
export interface HistoryPage {
  readonly publications: readonly StoredPublication[];
  /** The newest position of the channel at the time of reading, with `emptyAtMs` when nothing is kept. Never older than the last publication. */
  readonly head: Position;
  /**
   * True when nothing between `since` and the first publication of the answer is missing: `since` is of this epoch, and
   * everything after it is still kept. With `since: null` always true. Never true without proof.
   */
  readonly isReachable: boolean;
  /** True when `limit` or `maxBytes` cut the answer short. */
  readonly hasMore: boolean;
}

/**
 * Keeps the newest publications of channels with history. `describeHistory` of the testkit checks every implementation.
 *
 * Promises:
 * - Appending and publishing are one act: whoever has interest gets the publication through the bus, with a
 *   {@link StreamStamp}, exactly when it is kept. Stamps of a channel link up: `previousOffset` is the offset before, or 0.
 * - Per channel and appending process the order of appends is the order of offsets and of delivery.
 * - A publication that was acknowledged is in every later read, until the limits drop it.
 */
export interface HistoryStore {
  /**
   * Appends and publishes. Resolves when it is kept. Rejects with HistoryUnavailableError when that can't be known within the
   * deadline; it may have been kept then, and a retry with the same idempotency key is safe. Rejects with EnvelopeTooLargeError
   * where the store takes no envelope of that size.
   */
  append(address: ChannelAddress, envelope: Uint8Array, options: AppendOptions): Promise<AppendResult>;

  /**
   * Reads. What was appended before the call, through this or any other node, is in the answer (it asks whoever has the last
   * word, not a copy). While the store is away it waits some seconds for it. Rejects with HistoryUnavailableError then, and at
   * once while earlier reads have just failed.
   */
  read(address: ChannelAddress, query: HistoryQuery): Promise<HistoryPage>;

  /**
   * The newest position of each channel, in the order asked: a cheap way to see which of many have gone on. What was
   * acknowledged before the call is in it, also when servers of the store have just lost and found each other: unlike
   * {@link read} it doesn't take the word of one that may have been replaced unseen. Rejects with HistoryUnavailableError, at
   * once where it can't be sure; trying again in a second is right. At most {@link MAX_HEADS} channels.
   */
  heads(addresses: readonly ChannelAddress[]): Promise<readonly Position[]>;

  /**
   * Drops the oldest publications of an app, of whichever channels, when it has more than `maxBytes`; then until it has a
   * tenth less, so that the next ones have room. Nothing that was dropped is taken for kept by a later read. Calls may
   * overlap, of several nodes too. Rejects with HistoryUnavailableError.
   */
  trim(appId: string, maxBytes: number): Promise<HistoryUsage>;

  /** Whether reads and appends work now, as far as is known. */
  readonly isAvailable: boolean;
}

/** What an app has in the store. */
export interface HistoryUsage {
  /** Bytes that its publications take, each with what the store adds to it; of one copy. */
  readonly bytes: number;
  /** Publications that were dropped by this call. */
  readonly dropped: number;
}

/** What remains of its bound when an app is trimmed. */
export const TRIMMED_SHARE = 0.9;

/** Most channels in one call of `heads`. */
export const MAX_HEADS = 256;

/** The store of histories could not answer in time. Retrying later is right. Carries `history_unavailable` to callers. */
export class HistoryUnavailableError extends Error {
  readonly code = "history_unavailable";
  override readonly name = "HistoryUnavailableError";
}
