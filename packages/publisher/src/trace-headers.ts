import { readTraceContext, type TraceContext } from "@carillon/core";
import type { HttpRequest } from "@carillon/service";
import type { PublishRequest } from "./publish-request.ts";

/** Headers of W3C Trace Context. A publisher that traces reads them on all calls that publish. */
export const TRACE_HEADERS: readonly string[] = ["traceparent", "tracestate"];

/** The trace that a call is part of; undefined when it has none, or a malformed one. */
export function traceOf(request: HttpRequest): TraceContext | undefined {
  const parent = request.header("traceparent");
  return parent === "" ? undefined : (readTraceContext(parent, request.header("tracestate")) ?? undefined);
}

/** The same requests, as parts of a trace. */
export function inTrace<Request extends PublishRequest>(
  requests: readonly Request[],
  trace: TraceContext | undefined,
): readonly Request[] {
  if (trace === undefined) return requests;
  return requests.map((request) => ({ ...request, event: { ...request.event, trace } }));
}
