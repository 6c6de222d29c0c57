import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { expect, it } from "vitest";
import { BoundedProcessor, MAX_WAITING_SPANS } from "../src/tracing/bounded-processor.ts";

it("traces › no more spans wait for the collector than fit; the others are counted, and there is room again for what is settled", () => {
  const passed: ReadableSpan[] = [];
  const next: SpanProcessor = {
    onStart: () => undefined,
    onEnd: (span) => void passed.push(span),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  const bounded = new BoundedProcessor(next);
  const tracer = new TracerProvider({ spanProcessors: [bounded] }).getTracer("test");
  const end = (count: number) => {
    for (let ended = 0; ended < count; ended++) tracer.startSpan("span").end();
  };
  end(MAX_WAITING_SPANS + 10);
  expect([passed.length, bounded.dropped]).toEqual([MAX_WAITING_SPANS, 10]);
  bounded.settled(512);
  end(513);
  expect([passed.length, bounded.dropped]).toEqual([MAX_WAITING_SPANS + 512, 11]);
});
