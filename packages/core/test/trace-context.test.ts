import { formatTraceParent, readTraceContext } from "@carillon/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";
const PARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

const hexadecimal = (length: number) =>
  fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length }).map((all) => all.join(""));
const id = (length: number) => hexadecimal(length).filter((text) => !/^0+$/.test(text));

describe("readTraceContext", () => {
  it("reads the example of the specification", () => {
    expect(readTraceContext(PARENT, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")).toEqual({
      traceId: TRACE_ID,
      spanId: SPAN_ID,
      isSampled: true,
      state: "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
    });
  });

  it.each([
    ["00", false],
    ["01", true],
    ["02", false],
    ["03", true],
    ["ff", true],
  ])("flags %s: sampled is %s", (flags, isSampled) => {
    expect(readTraceContext(`00-${TRACE_ID}-${SPAN_ID}-${flags}`, "")?.isSampled).toBe(isSampled);
  });

  it.each([
    ["nothing", ""],
    ["capitals", PARENT.toUpperCase()],
    ["a version that is forbidden", `ff-${TRACE_ID}-${SPAN_ID}-01`],
    ["a trace of zeros", `00-${"0".repeat(32)}-${SPAN_ID}-01`],
    ["a span of zeros", `00-${TRACE_ID}-${"0".repeat(16)}-01`],
    ["more behind version 00", `${PARENT}-more`],
    ["a hyphen behind version 00", `${PARENT}-`],
    ["a longer text of a later version without a hyphen", `01-${TRACE_ID}-${SPAN_ID}-0100`],
    ["a short trace id", `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01`],
    ["blanks around it", ` ${PARENT} `],
    ["a line end behind it", `${PARENT}\n`],
    ["two of them", `${PARENT},${PARENT}`],
    ["no flags", `00-${TRACE_ID}-${SPAN_ID}`],
    ["one that never ends", `01-${TRACE_ID}-${SPAN_ID}-01-${"x".repeat(1000)}`],
  ])("ignores %s", (_what, text) => {
    expect(readTraceContext(text, "a=b")).toBeNull();
  });

  it.each([`cc-${TRACE_ID}-${SPAN_ID}-01`, `01-${TRACE_ID}-${SPAN_ID}-01-what-is-to-come`])(
    "reads a later version as far as it is known: %s",
    (text) => {
      expect(readTraceContext(text, "")).toEqual({ traceId: TRACE_ID, spanId: SPAN_ID, isSampled: true, state: "" });
    },
  );

  it.each([
    ["too long", "a=".padEnd(513, "b")],
    ["with a line end", "a=b\r\nNats-Stream: other"],
    ["outside of ASCII", "a=é"],
  ])("a tracestate %s counts as absent, and the rest is read", (_what, state) => {
    expect(readTraceContext(PARENT, state)).toMatchObject({ traceId: TRACE_ID, state: "" });
  });

  it("what is written is read again as it was", () => {
    const context = fc.record({
      traceId: id(32),
      spanId: id(16),
      isSampled: fc.boolean(),
      state: fc.constantFrom("", "a=b", "x=1,y=2"),
    });
    fc.assert(
      fc.property(context, (written) => {
        const text = formatTraceParent(written);
        expect(text).toHaveLength(55);
        expect(readTraceContext(text, written.state)).toEqual(written);
      }),
    );
  });

  it("whatever comes, it never throws, and what it lets through is well formed", () => {
    const near = fc
      .tuple(hexadecimal(2), hexadecimal(32), hexadecimal(16), hexadecimal(2), fc.string({ maxLength: 3 }))
      .map(([version, trace, span, flags, more]) => `${version}-${trace}-${span}-${flags}${more}`);
    const text = fc.oneof(near, fc.string(), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(text, text, (parent, state) => {
        const read = readTraceContext(parent, state);
        if (read === null) return;
        expect(read.traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
        expect(read.spanId).toMatch(/^(?!0+$)[0-9a-f]{16}$/);
        expect(read.state).toMatch(/^[\x20-\x7e]{0,512}$/);
      }),
    );
  });
});
