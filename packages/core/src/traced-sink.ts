import { decodeEnvelope } from "@carillon/protocol";
import type { ChannelSink } from "./channel.ts";
import type { NodeCounters } from "./ports/metrics.ts";
import type { DeliveryTracer } from "./ports/tracer.ts";

/** What {@link tracedSink} stands on. */
export interface TracedSinkOptions {
  /** Absent: nothing is traced. */
  readonly deliveryTracer?: DeliveryTracer;
  readonly counters: Pick<NodeCounters, "deliveries">;
}

/**
 * Lets publications that come with a trace have a span around what `sink` does with them. Without a tracer it is `sink` itself, so
 * that nothing is paid for what nobody looks at.
 */
export function tracedSink(sink: ChannelSink, { deliveryTracer: tracer, counters }: TracedSinkOptions): ChannelSink {
  if (tracer === undefined) return sink;
  return (channel, envelope, stamp, trace) => {
    const span = trace === undefined ? null : tracer.beginDelivery(channel, trace);
    if (span === null) {
      sink(channel, envelope, stamp);
      return;
    }
    // Before the fan-out: the bytes are only valid until then for all that is promised.
    const messageId = decodeEnvelope(envelope)?.id;
    const before = counters.deliveries;
    sink(channel, envelope, stamp);
    span.end({ deliveries: counters.deliveries - before, ...(messageId === undefined ? {} : { messageId }) });
  };
}
