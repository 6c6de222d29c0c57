import {
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  envelopeExclude,
  MAX_EXCLUDE_BYTES,
  MAX_MESSAGE_ID_BYTES,
} from "@carillon/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { bytes, envelope, withOffset } from "./support/arbitraries.ts";

const EXAMPLE: Envelope = {
  id: "m1",
  timeMs: 1_700_000_000_000,
  exclude: "",
  event: "e",
  payload: new Uint8Array([0x31]),
};

it("envelope › what was encoded is decoded, wherever in a buffer it stands", () => {
  fc.assert(
    fc.property(envelope, fc.nat({ max: 5 }), (original, offset) => {
      const decoded = decodeEnvelope(withOffset(encodeEnvelope(original), offset));
      expect(decoded).toEqual({ ...original, payload: expect.anything() });
      expect(Buffer.from(decoded?.payload ?? [])).toEqual(Buffer.from(original.payload));
    }),
  );
});

it("envelope › who is excluded is read without the rest; random bytes exclude nobody that decoding wouldn't, and never throw", () => {
  fc.assert(fc.property(envelope, (original) => envelopeExclude(encodeEnvelope(original)) === original.exclude));
  fc.assert(
    fc.property(bytes(300), (input) => {
      const decoded = decodeEnvelope(input);
      const excluded = envelopeExclude(input);
      if (decoded !== null) expect(excluded).toBe(decoded.exclude);
    }),
  );
});

it("envelope › random bytes never throw and never give a payload from outside the input", () => {
  const anything = fc.oneof(
    bytes(300),
    fc.tuple(bytes(300), fc.constantFrom(1, 2)).map(([content, version]) => {
      if (content.length > 0) content[0] = version;
      return content;
    }),
  );
  fc.assert(
    fc.property(anything, (input) => {
      const decoded = decodeEnvelope(input);
      if (decoded === null) return;
      expect(decoded.payload.buffer).toBe(input.buffer);
      expect(decoded.payload.byteOffset).toBeGreaterThanOrEqual(input.byteOffset);
      expect(decoded.payload.byteOffset + decoded.payload.length).toBe(input.byteOffset + input.length);
    }),
  );
});

it("envelope › one that was cut short anywhere in its header is unreadable", () => {
  const whole = encodeEnvelope({ ...EXAMPLE, exclude: "1.2", payload: new Uint8Array() });
  for (let length = 0; length < whole.length; length++) expect(decodeEnvelope(whole.subarray(0, length))).toBeNull();
  expect(decodeEnvelope(whole)).not.toBeNull();
});

it("envelope › another version is unreadable, an unknown flag is not", () => {
  const later = encodeEnvelope(EXAMPLE);
  later[1] = 0xf8;
  expect(decodeEnvelope(later)).toEqual(expect.objectContaining({ id: "m1", event: "e" }));
  later[0] = 2;
  expect(decodeEnvelope(later)).toBeNull();
});

it("envelope › each field may be as long as its bound, in bytes", () => {
  const full = {
    ...EXAMPLE,
    id: "é".repeat(MAX_MESSAGE_ID_BYTES / 2),
    exclude: "x".repeat(MAX_EXCLUDE_BYTES),
    event: "€".repeat(200),
  };
  expect(decodeEnvelope(encodeEnvelope(full))).toEqual(
    expect.objectContaining({ id: full.id, exclude: full.exclude, event: full.event }),
  );
});

it.each([
  ["id", { id: "x".repeat(MAX_MESSAGE_ID_BYTES + 1) }],
  ["id in bytes", { id: "é".repeat(MAX_MESSAGE_ID_BYTES / 2 + 1) }],
  ["exclude", { exclude: "x".repeat(MAX_EXCLUDE_BYTES + 1) }],
  ["event", { event: "x".repeat(1100) }],
  ["user id", { userId: "x".repeat(400) }],
])("envelope › a longer %s is a RangeError, and the next envelope is right", (_field, change) => {
  expect(() => encodeEnvelope({ ...EXAMPLE, ...change })).toThrow(RangeError);
  expect(decodeEnvelope(encodeEnvelope(EXAMPLE))).toEqual(expect.objectContaining({ id: "m1" }));
});

it("envelope › encoding copies the payload, decoding doesn't", () => {
  const payload = new Uint8Array([1, 2, 3]);
  const encoded = encodeEnvelope({ ...EXAMPLE, payload });
  payload.fill(9);
  expect([...(decodeEnvelope(encoded)?.payload ?? [])]).toEqual([1, 2, 3]);
});

it("envelope › a user id that goes beyond the end is unreadable", () => {
  const whole = encodeEnvelope({ ...EXAMPLE, userId: "u-1", payload: new Uint8Array() });
  for (let length = 0; length < whole.length; length++) expect(decodeEnvelope(whole.subarray(0, length))).toBeNull();
  expect(decodeEnvelope(whole)).toEqual(expect.objectContaining({ userId: "u-1" }));
});
