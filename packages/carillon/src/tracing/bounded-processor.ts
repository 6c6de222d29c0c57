import type { Context } from "@opentelemetry/api";
import type { ReadableSpan, Span, SpanProcessor } from "@opentelemetry/sdk-trace";

/** Most spans that wait for the collector, those that are on their way included. */
export const MAX_WAITING_SPANS = 2048;

/** Lets no more spans wait than fit, and counts those that don't, which OpenTelemetry's own queue keeps to itself. */
export class BoundedProcessor implements SpanProcessor {
  readonly #next: SpanProcessor;
  #waiting = 0;
  #dropped = 0;

  constructor(next: SpanProcessor) {
    this.#next = next;
  }

  /** Spans that were let go because too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  /** So many of those that waited are sent, or given up. */
  settled(spans: number): void {
    this.#waiting -= spans;
  }

  onStart(span: Span, parent: Context): void {
    this.#next.onStart(span, parent);
  }

  onEnd(span: ReadableSpan): void {
    if (this.#waiting >= MAX_WAITING_SPANS) {
      this.#dropped++;
      return;
    }
    this.#waiting++;
    this.#next.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#next.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#next.shutdown();
  }
}
