import { elementSpans, memberSpan, memberText } from "@carillon/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { bytes, jsonText } from "./support/arbitraries.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const slice = (json: Uint8Array, span: { start: number; end: number }) =>
  decoder.decode(json.subarray(span.start, span.end));

it("memberSpan › is where JSON.parse finds each member, of any object", () => {
  fc.assert(
    fc.property(jsonText, fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 }), (text, otherNames) => {
      const json = encoder.encode(text);
      const parsed: unknown = JSON.parse(text);
      const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
      const own = new Map<string, unknown>(isObject ? Object.entries(parsed) : []);
      for (const name of [...own.keys(), ...otherNames, "payload", "é", "Ã©", "__proto__", "toString"]) {
        const span = memberSpan(json, name);
        if (!own.has(name)) expect(span).toBeNull();
        else if (span === null) expect.fail(`no span for ${JSON.stringify(name)} in ${text}`);
        else expect(JSON.parse(slice(json, span))).toEqual(own.get(name));
      }
    }),
    { numRuns: 500 },
  );
});

it("elementSpans › are where JSON.parse finds each element, of any list", () => {
  fc.assert(
    fc.property(fc.array(jsonText, { maxLength: 5 }), fc.constantFrom("", " ", "\n\t"), (texts, blank) => {
      const json = encoder.encode(`${blank}[${texts.map((text) => blank + text + blank).join(",") || blank}]${blank}`);
      expect(elementSpans(json, 0).map((span) => slice(json, span))).toEqual(texts);
    }),
  );
});

it("spans › of a member lead to the spans inside of it", () => {
  const json = encoder.encode('{"events":[ {"payload":{"payload":1}} , {"payload" : [1, 2] } ]}');
  const events = memberSpan(json, "events");
  const payloads = elementSpans(json, events?.start ?? 0).map((element) => memberSpan(json, "payload", element.start));
  expect(payloads.map((span) => span && slice(json, span))).toEqual(['{"payload":1}', "[1, 2]"]);
});

it("memberSpan › a repeated member counts where it stands last, as for JSON.parse", () => {
  const json = encoder.encode('{"payload":1,"pa\\u0079load":2,"other":3}');
  const span = memberSpan(json, "payload");
  expect(span && slice(json, span)).toBe("2");
});

it("memberText › is what stands there, in whatever letters", () => {
  expect(memberText('{"é€":"é","info": {"n": 1.0,"é":12345678901234567890} }', "info")).toBe(
    '{"n": 1.0,"é":12345678901234567890}',
  );
  expect(memberText("{}", "info")).toBeNull();
});

it.each(["[1]", '"x"', "1", "", "  "])("spans › %j has no members", (text) =>
  expect(memberSpan(encoder.encode(text), "a")).toBeNull(),
);
it.each(['{"a":1}', '"x"', "1", "", "  "])("spans › %j has no elements", (text) =>
  expect(elementSpans(encoder.encode(text), 0)).toEqual([]),
);

it("spans › always come to an end, whatever the bytes are", () => {
  const punctuation = fc
    .array(fc.constantFrom(...encoder.encode('{}[]",:\\ 1a')), { maxLength: 60 })
    .map((each) => new Uint8Array(each));
  const cut = fc
    .tuple(jsonText, fc.nat())
    .map(([text, at]) => encoder.encode(text).subarray(0, at % (text.length + 1)));
  fc.assert(
    fc.property(fc.oneof(bytes(), punctuation, cut), fc.nat({ max: 80 }), (json, start) => {
      memberSpan(json, "a", start);
      expect(elementSpans(json, start).length).toBeLessThanOrEqual(json.length + 1);
    }),
    { numRuns: 1000 },
  );
});

it("memberSpan › takes no stack for nesting", () => {
  const json = encoder.encode(`{"payload":${"[".repeat(200_000)}${"]".repeat(200_000)},"z":1}`);
  expect(memberSpan(json, "payload")).toEqual({ start: 11, end: 400_011 });
});
