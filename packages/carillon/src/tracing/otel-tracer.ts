import type {
  ChannelAddress,
  DeliveryOutcome,
  DeliverySpan,
  DeliveryTracer,
  PublishOutcome,
  PublishSpan,
  PublishTracer,
  TraceContext,
} from "@carillon/core";
import {
  type Attributes,
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";

/** What an OtelTracer stands on. */
export interface OtelTracerOptions {
  readonly tracer: Tracer;
  /** False: a publish without a trace has none. */
  readonly beginsTraces: boolean;
  /** True: spans have the names of channels. */
  readonly channelNames: boolean;
  /** Names this process. */
  readonly nodeId: string;
}

/**
 * Spans by OpenTelemetry's conventions for messaging. Their names and attributes come from closed sets, but for ids, and for names of
 * channels where those are wanted: an application may have put a person's id into them.
 */
export class OtelTracer implements PublishTracer, DeliveryTracer {
  readonly #options: OtelTracerOptions;

  constructor(options: OtelTracerOptions) {
    this.#options = options;
  }

  beginPublish(address: ChannelAddress, parent: TraceContext | undefined): PublishSpan | null {
    // Before anything is made: under load nearly all publishes end here.
    if (parent === undefined ? !this.#options.beginsTraces : !parent.isSampled) return null;
    const attributes = this.#attributes(address, {
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
    });
    const span = this.#begin("publish", { kind: SpanKind.PRODUCER, attributes, parent });
    return span === null ? null : new OtelPublishSpan(span);
  }

  beginDelivery(address: ChannelAddress, parent: TraceContext): DeliverySpan | null {
    if (!parent.isSampled) return null;
    const attributes = this.#attributes(address, {
      "messaging.operation.name": "deliver",
      "messaging.operation.type": "process",
    });
    const span = this.#begin("deliver", { kind: SpanKind.CONSUMER, attributes, parent });
    return span === null ? null : new OtelDeliverySpan(span);
  }

  #begin(
    name: string,
    { kind, attributes, parent }: { kind: SpanKind; attributes: Attributes; parent: TraceContext | undefined },
  ): Span | null {
    const span = this.#options.tracer.startSpan(name, { kind, attributes }, contextOf(parent));
    return span.isRecording() ? span : null;
  }

  #attributes({ appId, channel }: ChannelAddress, operation: Attributes): Attributes {
    const { channelNames, nodeId } = this.#options;
    return {
      "messaging.system": "carillon",
      ...operation,
      "carillon.app.id": appId,
      "carillon.node.id": nodeId,
      ...(channelNames ? { "messaging.destination.name": channel } : {}),
    };
  }
}

function contextOf(parent: TraceContext | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, isSampled, state } = parent;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(state === "" ? {} : { traceState: createTraceState(state) }),
  });
}

class OtelPublishSpan implements PublishSpan {
  readonly context: TraceContext;
  readonly #span: Span;

  constructor(span: Span) {
    const { traceId, spanId, traceState } = span.spanContext();
    this.#span = span;
    this.context = { traceId, spanId, isSampled: true, state: traceState?.serialize() ?? "" };
  }

  end({ messageId, isDuplicate, error }: PublishOutcome): void {
    if (messageId !== undefined) this.#span.setAttribute("messaging.message.id", messageId);
    if (isDuplicate === true) this.#span.setAttribute("carillon.duplicate", true);
    if (error !== undefined) {
      this.#span.setAttribute("error.type", error);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    }
    this.#span.end();
  }
}

class OtelDeliverySpan implements DeliverySpan {
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
  }

  end({ messageId, deliveries }: DeliveryOutcome): void {
    if (messageId !== undefined) this.#span.setAttribute("messaging.message.id", messageId);
    this.#span.setAttribute("carillon.deliveries", deliveries);
    this.#span.end();
  }
}
