import type { TraceContext } from "./ports/tracer.ts";

// Version, trace id, span id, flags; what later versions may add stands behind another hyphen.
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const LENGTH_OF_VERSION_0 = 55;
const MAX_TRACEPARENT_LENGTH = 256;
const FORBIDDEN_VERSION = "ff";
const ONLY_ZEROS = /^0+$/;
const SAMPLED = 1;
/** What every implementation has to pass on, and the most that this one does. */
const STATE = /^[\x20-\x7e]{0,512}$/;

/**
 * Reads `traceparent` and `tracestate` of W3C Trace Context. Null when the first is not well formed: it counts as absent then, and so
 * does a second one that is not. Versions to come are read as far as they are known.
 */
export function readTraceContext(traceparent: string, tracestate: string): TraceContext | null {
  if (traceparent.length > MAX_TRACEPARENT_LENGTH) return null;
  const match = TRACEPARENT.exec(traceparent);
  if (match === null) return null;
  const [, version = "", traceId = "", spanId = "", flags = ""] = match;
  if (version === FORBIDDEN_VERSION) return null;
  if (version === "00" && traceparent.length !== LENGTH_OF_VERSION_0) return null;
  if (ONLY_ZEROS.test(traceId) || ONLY_ZEROS.test(spanId)) return null;
  const isSampled = (Number.parseInt(flags, 16) & SAMPLED) !== 0;
  return { traceId, spanId, isSampled, state: STATE.test(tracestate) ? tracestate : "" };
}

/** Writes the `traceparent` of a context, in version 00. */
export function formatTraceParent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}
