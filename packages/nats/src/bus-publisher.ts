import {
  type BusPublishOptions,
  type BusPublishResult,
  BusUnavailableError,
  type ChannelAddress,
  EnvelopeTooLargeError,
} from "@carillon/core";
import type { KeptStream } from "./kept-stream.ts";
import type { NatsLog } from "./log.ts";
import type { MovableLink } from "./movable-link.ts";
import { OncePublisher } from "./once-publisher.ts";
import { createOnceStream } from "./once-stream.ts";
import type { NatsIdempotencySettings } from "./options.ts";
import type { PublishOrder } from "./publish-order.ts";
import type { SubjectSpace } from "./subject.ts";
import { headersOf, traceFieldsOf } from "./trace-headers.ts";

/** What a BusPublisher stands on. */
export interface BusPublisherOptions {
  readonly space: SubjectSpace;
  readonly link: Pick<MovableLink, "isUp" | "link" | "confirm">;
  /** Shared with the histories, so that appends and publishes on a channel don't overtake each other. */
  readonly order: PublishOrder;
  readonly idempotency: NatsIdempotencySettings;
  readonly log: NatsLog;
  /** Throws once the bus is closed. */
  readonly assertOpen: () => void;
}

const DEFAULT_WINDOW_MS = 120_000;
const DEFAULT_ONCE_DEADLINE_MS = 15_000;
// What a publish with a key carries besides its envelope: headers of about 80 bytes.
const HEADER_ROOM_BYTES = 256;

/**
 * Hands events to NATS, those of a channel in the order of the calls: with a key through the stream that drops repeats, else as
 * they are. What NATS can't take now is refused at once; nothing is kept back for later.
 */
export class BusPublisher {
  readonly #options: BusPublisherOptions;
  readonly #once: OncePublisher;

  constructor(options: BusPublisherOptions) {
    const { space, link, log, idempotency } = options;
    const { windowMs = DEFAULT_WINDOW_MS, replicas = 1, deadlineMs = DEFAULT_ONCE_DEADLINE_MS } = idempotency;
    this.#options = options;
    this.#once = new OncePublisher({
      space,
      stream: createOnceStream({ space, windowMs, replicas, log }),
      deadlineMs,
      link: () => (link.isUp ? link.link : null),
    });
  }

  /** See {@link Bus.publish}. */
  publish(address: ChannelAddress, envelope: Uint8Array, options: BusPublishOptions = {}): Promise<BusPublishResult> {
    try {
      return this.#publish(address, envelope, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Resolves when NATS has taken or refused all that was published so far. Rejects when the connection breaks meanwhile. */
  async whenAllHasLeft(): Promise<void> {
    const { order, link } = this.#options;
    await order.whenIdle();
    if (!link.link.outbox.isEmpty) await link.confirm();
  }

  /** What remembers the keys of events. */
  get keyStream(): KeptStream {
    return this.#once.stream;
  }

  /** The connection broke: answers on it are lost. */
  abandon(): void {
    this.#once.abandon();
  }

  /** Lets go of the subscription for answers. */
  close(): void {
    this.#once.close();
  }

  // Not async: a plain publish costs no promise of its own, only its batch's.
  #publish(
    address: ChannelAddress,
    envelope: Uint8Array,
    { idempotencyKey: key, trace }: BusPublishOptions,
  ): Promise<BusPublishResult> {
    const { space, link, order, assertOpen } = this.#options;
    assertOpen();
    this.#assertUp();
    const roomBytes = this.#assertFits(envelope, key);
    const subject = space.of("pub", address.appId, address.channel);
    const traced = traceFieldsOf(trace, roomBytes);
    if (key !== undefined) {
      return order.run(subject, () => this.#once.publish({ address, envelope, key, headers: traced }));
    }
    const options = traced === undefined ? undefined : { headers: headersOf(traced) };
    if (!order.isBusy(subject)) return link.link.publish(subject, envelope, options);
    return order.run(subject, () => {
      this.#assertUp();
      return { sent: link.link.publish(subject, envelope, options) };
    });
  }

  #assertUp(): void {
    if (!this.#options.link.isUp) throw new BusUnavailableError("NATS is not connected");
  }

  /** Answers how many bytes are left. */
  #assertFits(envelope: Uint8Array, key: string | undefined): number {
    const limit = this.#options.link.link.maxPayloadBytes - (key === undefined ? 0 : HEADER_ROOM_BYTES);
    if (envelope.length <= limit) return limit - envelope.length;
    throw new EnvelopeTooLargeError(
      `the envelope has ${envelope.length} bytes, NATS takes ${limit}: publish less, or raise max_payload of nats-server`,
    );
  }
}
