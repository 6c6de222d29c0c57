import { accept, encodeEnvelope, type Result, refuse } from "@carillon/protocol";
import type { Bus, BusPublishOptions, ChannelAddress } from "./ports/bus.ts";
import { BusUnavailableError, EnvelopeTooLargeError, IdempotencyUnavailableError } from "./ports/bus.ts";
import type { Clock } from "./ports/clock.ts";
import type { IdSource } from "./ports/ids.ts";
import type { NodeCounters } from "./ports/metrics.ts";

/** What an EventPublisher stands on. */
export interface EventPublisherOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly counters: NodeCounters;
}

/** An event that has been checked, and may go out. */
export interface NewEvent {
  readonly event: string;
  /** JSON text in UTF-8. */
  readonly payload: Uint8Array;
  /** Connection that must not get it; "" for none. */
  readonly exclude: string;
  /** Id of the publication; absent: one is made. At most 128 bytes in UTF-8. */
  readonly id?: string;
  /** True: a second publish with the same id on the same channel is accepted and not delivered again. Wants an `id`. */
  readonly isIdempotent?: boolean;
}

/** An event that the bus has taken over. */
export interface PublishedEvent {
  readonly messageId: string;
  /** When it was accepted, in milliseconds since 1970. */
  readonly timeMs: number;
  /** True when an earlier publish with the same id was accepted; this one was not delivered again. */
  readonly isDuplicate: boolean;
}

/** The one way out for events, whether they came over HTTP or from a client: stamps, wraps and hands them to the bus. */
export class EventPublisher {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #ids: IdSource;
  readonly #counters: NodeCounters;

  constructor(options: EventPublisherOptions) {
    this.#bus = options.bus;
    this.#clock = options.clock;
    this.#ids = options.ids;
    this.#counters = options.counters;
  }

  /**
   * Publishes on one channel. Accepted means taken over by the bus; a refusal (`bus_unavailable`,
   * `idempotency_unavailable`) means that it can't be known to have been, and may be retried as it is; `message_too_large`
   * may not.
   */
  async publish(address: ChannelAddress, event: NewEvent): Promise<Result<PublishedEvent>> {
    const messageId = event.id ?? this.#ids.messageId();
    const timeMs = this.#clock.now();
    const { event: name, payload, exclude } = event;
    const envelope = encodeEnvelope({ id: messageId, timeMs, exclude, event: name, payload });
    const options: BusPublishOptions | undefined = event.isIdempotent ? { idempotencyKey: messageId } : undefined;
    try {
      const { isDuplicate } = await this.#bus.publish(address, envelope, options);
      if (isDuplicate) this.#counters.duplicatePublishes++;
      else this.#counters.eventsPublished++;
      return accept({ messageId, timeMs, isDuplicate });
    } catch (error) {
      if (error instanceof BusUnavailableError || error instanceof IdempotencyUnavailableError) {
        this.#counters.publishesUnavailable++;
        return refuse(error.code, error.message);
      }
      if (error instanceof EnvelopeTooLargeError) return refuse(error.code, error.message);
      throw error;
    }
  }
}
