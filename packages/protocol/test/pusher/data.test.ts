import { decodeEnvelope, encodeEnvelope } from "@carillon/protocol";
import { type PusherPayload, toDataLiteral, toPayload } from "@carillon/protocol/pusher";
import fc from "fast-check";
import { expect, it } from "vitest";
import { jsonText, jsonValue } from "../support/arbitraries.ts";

const BASE = { id: "m1", timeMs: 1, exclude: "", event: "e" };

/** Through the bus, as every publication goes. */
function delivered(carried: PusherPayload): PusherPayload {
  const envelope = decodeEnvelope(encodeEnvelope({ ...BASE, ...carried }));
  if (envelope === null) throw new Error("the envelope can't be read");
  return envelope;
}

const dataOf = (carried: PusherPayload): unknown =>
  JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(toDataLiteral(delivered(carried))));
const nativeOf = (carried: PusherPayload): unknown => JSON.parse(Buffer.from(delivered(carried).payload).toString());

const anyString = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.string({ unit: "grapheme" }),
  jsonText,
  // JSON text of JSON text of …
  jsonText.map((text) => JSON.stringify(text)),
  jsonText.map((text) => JSON.stringify(JSON.stringify(text))),
  jsonText.map((text) => ` \n${text}\t`),
  fc.constantFrom(
    "",
    " ",
    '"',
    '""',
    '"\\"x\\""',
    "\ud800",
    '"\ud800"',
    "\ufeff1",
    "\ufeff",
    "null",
    "nul",
    "1",
    "\\",
    "{}",
  ),
);

it("data › every string that is published arrives at Pusher clients as it was", () => {
  fc.assert(
    fc.property(anyString, (data) => {
      expect(dataOf(toPayload(data))).toBe(data);
    }),
    { numRuns: 2000 },
  );
});

it("data › every payload is JSON text: the value where the string is JSON text, else the string", () => {
  fc.assert(
    fc.property(anyString, (data) => {
      const carried = toPayload(data);
      const isJson = carried.isDataText === true;
      expect(nativeOf(carried)).toEqual(isJson ? JSON.parse(data) : data);
    }),
    { numRuns: 2000 },
  );
});

it("data › what was published as a value reaches Pusher clients as its text, a string as itself", () => {
  fc.assert(
    fc.property(fc.oneof(jsonValue, fc.string()), (value) => {
      const payload = Buffer.from(JSON.stringify(value));
      expect(dataOf({ payload })).toBe(typeof value === "string" ? value : JSON.stringify(value));
    }),
  );
});

it("data › a string literal behind blanks is a string literal", () => {
  expect(dataOf({ payload: Buffer.from(' \n"x"') })).toBe("x");
  expect(dataOf({ payload: Buffer.from(" 1 ") })).toBe(" 1 ");
});

it.each([
  ['{"id":1}', { id: 1 }],
  ['"x"', "x"],
  ["hello", "hello"],
  ["", ""],
  ["7", 7],
])("data › %s is published as a string and is %j for everybody else", (data, value) => {
  expect(nativeOf(toPayload(data))).toEqual(value);
  expect(dataOf(toPayload(data))).toBe(data);
});
