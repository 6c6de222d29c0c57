import { formatTraceParent, readTraceContext, type TraceContext } from "@carillon/core";
import { headers, type Msg, type MsgHdrs } from "nats";
import { firstValueIn, headerTextOf } from "./raw-headers.ts";

/** The headers of W3C Trace Context, which NATS's own tracing reads as well. */
const PARENT = "traceparent";
const STATE = "tracestate";

// Line end, colon and blank of each of the two, and NATS's line before the first header.
const OVERHEAD_BYTES = 32;

/** Fields by name. */
export type TraceFields = Readonly<Record<string, string>>;

/**
 * What a message carries of a trace. Undefined without one, and where it doesn't fit into `roomBytes`: a publish must not fail for
 * being traced.
 */
export function traceFieldsOf(trace: TraceContext | undefined, roomBytes: number): TraceFields | undefined {
  if (trace === undefined) return undefined;
  const parent = formatTraceParent(trace);
  const bytes = PARENT.length + parent.length + STATE.length + trace.state.length + OVERHEAD_BYTES;
  if (bytes > roomBytes) return undefined;
  return trace.state === "" ? { [PARENT]: parent } : { [PARENT]: parent, [STATE]: trace.state };
}

/** The same in the client's form. */
export function headersOf(fields: TraceFields): MsgHdrs {
  const header = headers();
  for (const [name, value] of Object.entries(fields)) header.set(name, value);
  return header;
}

/** Reads what {@link traceFieldsOf} wrote; undefined when there is nothing, or it is malformed. */
export function traceIn(msg: Msg): TraceContext | undefined {
  const text = headerTextOf(msg);
  if (text === null) return undefined;
  const parent = firstValueIn(text, PARENT);
  return parent === "" ? undefined : (readTraceContext(parent, firstValueIn(text, STATE)) ?? undefined);
}
