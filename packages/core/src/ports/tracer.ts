import type { ChannelAddress } from "./bus.ts";

/** Where a trace stands, as W3C Trace Context tells it from process to process. */
export interface TraceContext {
  /** 32 hexadecimal digits in lower case, not all 0. */
  readonly traceId: string;
  /** The span that what follows is below: 16 hexadecimal digits in lower case, not all 0. */
  readonly spanId: string;
  /** Whether whoever began the trace records it. Who continues it does the same. */
  readonly isSampled: boolean;
  /** What vendors keep beside it, as in `tracestate`: printable ASCII, at most 512 characters; "" for nothing. */
  readonly state: string;
}

/** What became of a publish. */
export interface PublishOutcome {
  readonly messageId?: string;
  /** True: the bus had it already. */
  readonly isDuplicate?: boolean;
  /** Why it was not taken: an error code; absent: it was. */
  readonly error?: string;
}

/** A publish that is being traced. */
export interface PublishSpan {
  /** Goes along with the event. */
  readonly context: TraceContext;
  /** Once, when it is known what became of it. Never throws. */
  end(outcome: PublishOutcome): void;
}

/** What became of a publication on a node. */
export interface DeliveryOutcome {
  /** Absent: its envelope could not be read. */
  readonly messageId?: string;
  /** Connections of this node that it was handed to. */
  readonly deliveries: number;
}

/** The fan-out of a publication that is being traced. */
export interface DeliverySpan {
  /** Once, when the fan-out is over. Never throws. */
  end(outcome: DeliveryOutcome): void;
}

/** Records publishes. Called by EventPublisher for each event and channel. Neither throws nor waits. */
export interface PublishTracer {
  /**
   * Begins a span; `parent` is what the publish came with. null: it is not sampled, and nothing goes along with the event.
   */
  beginPublish(address: ChannelAddress, parent: TraceContext | undefined): PublishSpan | null;
}

/** Records deliveries. Called by Node for each publication that came with a context. Neither throws nor waits. */
export interface DeliveryTracer {
  /** Begins a span below that of the publish. null: it is not sampled. */
  beginDelivery(address: ChannelAddress, parent: TraceContext): DeliverySpan | null;
}
