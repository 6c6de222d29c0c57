import type { StreamStamp } from "./history-store.ts";
import type { TraceContext } from "./tracer.ts";

/** A channel of an app: what is published to and subscribed to. */
export interface ChannelAddress {
  readonly appId: string;
  readonly channel: string;
}

/**
 * One node's interest in one channel, as the bus sees it: where to hand what arrives. The object itself is the identity of
 * the interest, so that a bus needs no further record (100,000 channels on a node are normal).
 */
export interface BusReceiver extends ChannelAddress {
  /**
   * Called for each envelope of the channel, in the order in which the bus got them, synchronously and without awaiting in
   * between: envelopes that arrived in one read are handed over in one turn of the event loop. `envelope` is only valid
   * during the call. `stamp` says where it stands in the channel's stream; undefined on channels without history. `trace`
   * is what the publish was traced with. Must not throw.
   */
  receive(envelope: Uint8Array, stamp?: StreamStamp, trace?: TraceContext): void;
}

/** How to publish one envelope. */
export interface BusPublishOptions {
  /**
   * Makes the publish idempotent over the whole cluster: a second one with the same key on the same channel, within the
   * bus's idempotency window, is accepted and not delivered again. Absent: no check, and no cost.
   */
  readonly idempotencyKey?: string;
  /**
   * Goes along to every receiver. Left out where the message would get too long for the bus by it. Absent: nothing is added, and
   * nobody looks for it.
   */
  readonly trace?: TraceContext;
}

/** What became of a publish. */
export interface BusPublishResult {
  /** True when an earlier publish with the same idempotency key was accepted; nothing was delivered this time. */
  readonly isDuplicate: boolean;
}

/** Whether the bus reaches the other nodes. `closed` is final. */
export type BusStatus = "connected" | "disconnected" | "closed";

/**
 * The backbone between nodes.
 *
 * Who calls it: ChannelRegistry (subscribe, unsubscribe), the publish paths (publish), the composition root (the rest).
 *
 * Promises, which `describeBus` of the testkit checks on every implementation:
 * - Per channel and publishing process, envelopes arrive in the order of the publish calls.
 * - A node hears its own publications through the bus, like everybody's: there is one delivery path.
 * - A receiver gets nothing before `subscribe` was called with it, nothing after `unsubscribe` returned, and each envelope
 *   once. A node gets no envelope of a channel that it has no interest in (partition interest aside, which drops it early).
 * - Core delivery is at most once: a node that is cut off misses what is published meanwhile, and `onStatus` says so.
 */
export interface Bus {
  /**
   * Starts interest. Resolves when this node's own part of the bus has it, so that whatever is published through that part
   * afterwards arrives; other servers of a cluster follow within milliseconds. While disconnected it waits for the bus to
   * come back, up to its deadline. Rejects with {@link BusUnavailableError} after that, and then holds no interest.
   * A receiver is subscribed at most once at a time.
   */
  subscribe(receiver: BusReceiver): Promise<void>;

  /** Ends interest, at once and for good. Unknown receivers are ignored. Never fails: a cut connection has no interest. */
  unsubscribe(receiver: BusReceiver): void;

  /**
   * Publishes. Resolves when the bus has taken the envelope over: not before it left this process and the bus's server
   * confirmed having read it. Rejects with {@link BusUnavailableError} when it can't be known to have been taken (nothing
   * is kept for later), with {@link IdempotencyUnavailableError}, or with {@link EnvelopeTooLargeError}. `envelope` is the bus's from the call on: it must stay as it is.
   */
  publish(address: ChannelAddress, envelope: Uint8Array, options?: BusPublishOptions): Promise<BusPublishResult>;

  /** The status now. */
  readonly status: BusStatus;

  /** Tells every later change of status. Returns the act that ends the telling. */
  onStatus(listener: (status: BusStatus) => void): () => void;

  /**
   * Tells when something may have been lost on its way to this node although its connection stands: servers of the bus lost
   * each other, or one died. Told when they are together again, or soon before; perhaps in vain. `lossMs`: only what was
   * published within this time can be lost, as far as is known. Returns the act that ends the telling.
   */
  onDoubt(listener: (lossMs: number) => void): () => void;

  /** Ends all interest and lets go of the connection, after what was accepted has left. Idempotent. */
  close(): Promise<void>;
}

/** The bus could not take something over in time. Retrying later is right. Carries `bus_unavailable` to callers. */
export class BusUnavailableError extends Error {
  readonly code = "bus_unavailable";
  override readonly name = "BusUnavailableError";
}

/** The envelope is longer than the bus takes. Retrying is useless. Carries `message_too_large` to callers. */
export class EnvelopeTooLargeError extends Error {
  readonly code = "message_too_large";
  override readonly name = "EnvelopeTooLargeError";
}

/** The store behind idempotency keys could not answer; publishes without a key may go on. Retrying later is right. */
export class IdempotencyUnavailableError extends Error {
  readonly code = "idempotency_unavailable";
  override readonly name = "IdempotencyUnavailableError";
}
