import { accept, type Envelope, encodeEnvelope, type Result, refuse } from "@carillon/protocol";
import type { AppCounts } from "./app-counters.ts";
import type { DeliveryLag } from "./delivery-lag.ts";
import type { Instruments } from "./instruments.ts";
import type { Bus, ChannelAddress } from "./ports/bus.ts";
import { BusUnavailableError, EnvelopeTooLargeError, IdempotencyUnavailableError } from "./ports/bus.ts";
import type { ChannelRules } from "./ports/channel-rules.ts";
import type { Clock } from "./ports/clock.ts";
import { type HistoryStore, HistoryUnavailableError, type Position } from "./ports/history-store.ts";
import type { IdSource } from "./ports/ids.ts";
import type { NodeCounters } from "./ports/metrics.ts";
import type { PublishSpan, PublishTracer, TraceContext } from "./ports/tracer.ts";

/** What an EventPublisher stands on. */
export interface EventPublisherOptions extends Instruments {
  readonly bus: Bus;
  /** Keeps what is published on channels with history. Absent, as without `rules`: no channel has one. */
  readonly history?: HistoryStore;
  /** Says which channels have a history. */
  readonly rules?: ChannelRules;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Absent: nothing is traced. */
  readonly publishTracer?: PublishTracer;
}

/** An event that has been checked, and may go out. */
export interface NewEvent {
  readonly event: string;
  /** JSON text in UTF-8. */
  readonly payload: Uint8Array;
  /** Connection that must not get it; "" for none. */
  readonly exclude: string;
  /** Id of the publication; absent: one is made. At most 128 bytes in UTF-8. */
  readonly id?: string | undefined;
  /**
   * True: a second publish with the same id on the same channel is accepted and not delivered again. Wants an `id`. On
   * channels with history every publish is so.
   */
  readonly isIdempotent?: boolean | undefined;
  /** Present: its subscribers are asked to say that they have it. */
  readonly wantsReceipt?: true | undefined;
  /** True: nobody keeps it on a cache channel. */
  readonly isTransient?: boolean;
  /** Present: `payload` is the text of a string that was published; see the envelope. */
  readonly isDataText?: true | undefined;
  /** The user who sent it, told to those who want to know. 1 to 128 characters; absent: nobody in particular. */
  readonly userId?: string | undefined;
  /** The trace that the publish is part of; absent: none is known, and the tracer may begin one. */
  readonly trace?: TraceContext;
}

/** An event that the bus has taken over. */
export interface PublishedEvent {
  readonly messageId: string;
  /** When it was accepted, in milliseconds since 1970. */
  readonly timeMs: number;
  /** True when an earlier publish with the same id was accepted; this one was not delivered again. */
  readonly isDuplicate: boolean;
  /** Where it stands in the channel's history; null on channels without. */
  readonly position: Position | null;
}

/** The one way out for events, whether they came over HTTP or from a client: stamps, wraps and hands them to the bus. */
export class EventPublisher {
  readonly #bus: Bus;
  readonly #history: HistoryStore | undefined;
  readonly #rules: ChannelRules | undefined;
  readonly #clock: Clock;
  readonly #ids: IdSource;
  readonly #counters: NodeCounters;
  readonly #appCounts: AppCounts | undefined;
  readonly #lag: DeliveryLag | undefined;
  readonly #tracer: PublishTracer | undefined;

  constructor(options: EventPublisherOptions) {
    this.#bus = options.bus;
    this.#history = options.history;
    this.#rules = options.rules;
    this.#clock = options.clock;
    this.#ids = options.ids;
    this.#counters = options.counters;
    this.#appCounts = options.appCounts;
    this.#lag = options.lag;
    this.#tracer = options.publishTracer;
  }

  /**
   * Publishes on one channel. Accepted means taken over by the bus, and kept where the channel has a history; a refusal
   * (`bus_unavailable`, `history_unavailable`, `idempotency_unavailable`) means that it can't be known to have been, and
   * may be retried as it is, with the same id; `message_too_large` may not.
   */
  publish(address: ChannelAddress, event: NewEvent): Promise<Result<PublishedEvent>> {
    try {
      const span = this.#tracer?.beginPublish(address, event.trace) ?? null;
      return span === null ? this.#publish(address, event) : this.#publishIn(span, address, event);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #publishIn(span: PublishSpan, address: ChannelAddress, event: NewEvent): Promise<Result<PublishedEvent>> {
    try {
      const result = await this.#publish(address, event, span.context);
      span.end(result.ok ? result.value : { error: result.code });
      return result;
    } catch (error) {
      span.end({ error: "internal_error" });
      throw error;
    }
  }

  /** Not async, as little of what every publish comes through is: the frame of an async function is a kilobyte of garbage each time. */
  #publish(address: ChannelAddress, event: NewEvent, trace?: TraceContext): Promise<Result<PublishedEvent>> {
    const messageId = event.id ?? this.#ids.messageId();
    const timeMs = this.#clock.now();
    const beganMs = this.#lag?.beginPublish() ?? 0;
    const envelope = encodeEnvelope(envelopeOf(event, messageId, timeMs));
    const rule = this.#rules?.ruleOf(address.appId, address.channel);
    const limits = (event.isTransient === true && rule?.isCache === true ? null : rule?.history) ?? null;
    const traced = trace === undefined ? undefined : { trace };
    const taken = (isDuplicate: boolean, position: Position | null): Result<PublishedEvent> => {
      this.#lag?.noteAcknowledged(beganMs);
      this.#count(address.appId, isDuplicate);
      return accept({ messageId, timeMs, isDuplicate, position });
    };
    if (limits !== null && this.#history !== undefined) {
      return this.#history
        .append(address, envelope, { limits, idempotencyKey: messageId, ...traced })
        .then(({ isDuplicate, position }) => taken(isDuplicate, position), this.#refused);
    }
    const options = event.isIdempotent ? { idempotencyKey: messageId, ...traced } : traced;
    return this.#bus
      .publish(address, envelope, options)
      .then(({ isDuplicate }) => taken(isDuplicate, null), this.#refused);
  }

  readonly #refused = (error: unknown): Result<PublishedEvent> => {
    if (
      error instanceof BusUnavailableError ||
      error instanceof HistoryUnavailableError ||
      error instanceof IdempotencyUnavailableError
    ) {
      this.#counters.publishesUnavailable++;
      if (error instanceof HistoryUnavailableError) this.#counters.historyAppendsRefused++;
      return refuse(error.code, error.message);
    }
    if (error instanceof EnvelopeTooLargeError) return refuse(error.code, error.message);
    throw error;
  };

  #count(appId: string, isDuplicate: boolean): void {
    if (isDuplicate) {
      this.#counters.duplicatePublishes++;
      return;
    }
    this.#counters.eventsPublished++;
    if (this.#appCounts !== undefined) this.#appCounts.of(appId).eventsPublished++;
  }
}

/** Member by member: each copy that a spread makes of so mixed objects is of a kind of its own for V8, which took a tenth of a publish. */
function envelopeOf(newEvent: NewEvent, id: string, timeMs: number): Envelope {
  const { event, exclude, payload, wantsReceipt, isDataText, userId } = newEvent;
  return { id, timeMs, exclude, event, wantsReceipt, isDataText, userId, payload };
}
