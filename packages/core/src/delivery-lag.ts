import { envelopeTimeMs } from "@carillon/protocol";
import { DurationBuckets } from "./duration-buckets.ts";
import type { Clock } from "./ports/clock.ts";

/** What is measured within one process: from a fan-out to a few connections to a bus that barely answers. */
const WITHIN_BOUNDS_SECONDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** What is measured between two processes: the time in an envelope has whole milliseconds. */
const BETWEEN_BOUNDS_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

/** Of so many fan-outs one is timed: two looks at a clock cost more than the rest of the counting. */
const FAN_OUTS_PER_SAMPLE = 8;

/** Says that a fan-out is not timed. */
const NOT_TIMED = -1;

/**
 * How long publications take, hop by hop, on this node: each publication once, whatever the number of its subscribers. What
 * begins with the time in the envelope compares the clocks of two machines: it is as right as these agree, and where it
 * would be negative it counts as 0.
 */
export class DeliveryLag {
  /** From a publish that was accepted to the bus, or the store of histories, having it. */
  readonly acknowledged = new DurationBuckets(WITHIN_BOUNDS_SECONDS);
  /** From the time in the envelope to its arrival here. */
  readonly received = new DurationBuckets(BETWEEN_BOUNDS_SECONDS);
  /** From the begin of a fan-out to the end: all of its frames are made and handed to the connections. One of eight is timed. */
  readonly fannedOut = new DurationBuckets(WITHIN_BOUNDS_SECONDS);
  /** From the time in the envelope to the end of the fan-out. */
  readonly delivered = new DurationBuckets(BETWEEN_BOUNDS_SECONDS);
  readonly #clock: Clock;
  #fanOuts = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** When a publish begins, for {@link noteAcknowledged}. */
  beginPublish(): number {
    return this.#clock.monotonic();
  }

  /** When a fan-out begins, for {@link noteDelivered}. */
  beginFanOut(): number {
    const isTimed = this.#fanOuts % FAN_OUTS_PER_SAMPLE === 0;
    this.#fanOuts++;
    return isTimed ? this.#clock.monotonic() : NOT_TIMED;
  }

  /** The bus has a publication that was accepted at `beganMs`. */
  noteAcknowledged(beganMs: number): void {
    this.acknowledged.note(this.#clock.monotonic() - beganMs);
  }

  /** The bus has brought an envelope. */
  noteReceived(envelope: Uint8Array): void {
    const timeMs = envelopeTimeMs(envelope);
    // 0 stands for bytes that are no envelope.
    if (timeMs !== 0) this.received.note(this.#clock.now() - timeMs);
  }

  /** A publication of `timeMs`, whose fan-out began at `beganMs`, was handed to at least one connection. */
  noteDelivered(timeMs: number, beganMs: number): void {
    if (beganMs !== NOT_TIMED) this.fannedOut.note(this.#clock.monotonic() - beganMs);
    this.delivered.note(this.#clock.now() - timeMs);
  }
}
