import { decodeJsonCommand, encodeJsonPublication } from "@carillon/protocol";
import {
  decodeMsgpackCommand,
  encodeMsgpackFrame,
  encodeMsgpackGap,
  encodeMsgpackHistory,
  encodeMsgpackPublication,
} from "@carillon/protocol/msgpack";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { bytes, jsonText, jsonValue } from "../support/arbitraries.ts";
import { anyCommand } from "../support/commands.ts";
import { describeCodec, publicationOf } from "../support/describe-codec.ts";

// What a client has: plain msgpack. A payload's "toJSON" is data to it too.
const client = new Packr({ useRecords: false, mapsAsObjects: true, useToJSON: false });
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function pack(value: unknown): Uint8Array {
  return Uint8Array.from(client.pack(value));
}

function unpack(frame: string | Uint8Array): unknown {
  if (typeof frame === "string") throw new Error("a msgpack frame is binary");
  return client.unpack(frame);
}

/** A publish whose payload is the given bytes of msgpack. */
function publishOf(...payload: number[]): Uint8Array {
  const members = ["type", "publish", "channel", "c", "event", "e", "id", 7, "payload"];
  return Uint8Array.from([0x85, ...members.flatMap((each) => [...pack(each)]), ...payload]);
}

function payloadText(data: Uint8Array): string {
  const result = decodeMsgpackCommand(data);
  return result.ok && result.value.type === "publish" ? decoder.decode(result.value.payload) : JSON.stringify(result);
}

describeCodec({
  name: "msgpack",
  decodeCommand: decodeMsgpackCommand,
  encodeFrame: encodeMsgpackFrame,
  encodeHistory: encodeMsgpackHistory,
  encodePublication: encodeMsgpackPublication,
  encodeGap: encodeMsgpackGap,
  clientEncodes: pack,
  clientDecodes: unpack,
});

describe("msgpack › equal values in both forms", () => {
  it("N43 › a JSON payload is to a msgpack client what JSON.parse makes of it", () => {
    // Half a surrogate pair has no UTF-8 form, and the client's own decoder renames __proto__.
    const faithful = jsonText.filter(
      (text) => JSON.stringify(JSON.parse(text)).search(/\\ud[89a-f]|__proto__/i) === -1,
    );
    fc.assert(
      fc.property(faithful, (payload) => {
        const publication = publicationOf("e", payload);
        const asJson: unknown = JSON.parse(decoder.decode(encodeJsonPublication("c", publication)));
        // JSON has no -0 that anybody means.
        expect(withoutNegativeZero(unpack(encodeMsgpackPublication("c", publication)))).toEqual(
          withoutNegativeZero(asJson),
        );
      }),
    );
  });

  it("N44 › a msgpack client's payload reaches clients of both forms as equal values", () => {
    fc.assert(
      fc.property(jsonValue, (payload) => {
        const result = decodeMsgpackCommand(pack({ type: "publish", channel: "c", event: "e", payload }));
        if (!result.ok || result.value.type !== "publish") return expect.fail(JSON.stringify(result));
        const publication = { ...publicationOf("e", ""), payload: result.value.payload };
        expect(unpack(encodeMsgpackPublication("c", publication))).toEqual({ channel: "c", event: "e", payload });
        expect(JSON.parse(decoder.decode(encodeJsonPublication("c", publication)))).toEqual({
          channel: "c",
          event: "e",
          payload,
        });
      }),
    );
  });

  it.each([
    ["12345678901234567890", 12345678901234567000],
    ["1.0", 1],
    ['{"a":1,"a":2}', { a: 2 }],
    ['"\\ud800"', "\ufffd"],
    ['"\\udc00\\ud83d\\ude00\\ud83d."', "\ufffd😀\ufffd."],
    ['"\\\\ud800 \\n\\" \\uD83D\\uDE00"', '\\ud800 \n" 😀'],
    ['{"\\uDFFF":1}', { "\ufffd": 1 }],
  ])("N43 › %s becomes %j for msgpack readers only", (payload, value) => {
    expect(unpack(encodeMsgpackPublication("c", publicationOf("e", payload)))).toEqual(
      expect.objectContaining({ payload: value }),
    );
    expect(decoder.decode(encodeJsonPublication("c", publicationOf("e", payload)))).toContain(`"payload":${payload}}`);
  });

  it("N43 › a member named __proto__ is written as it is", () => {
    const frame = encodeMsgpackPublication("c", publicationOf("e", '{"__proto__":{"polluted":true}}'));
    expect(decoder.decode(frame)).toContain("__proto__");
    expect({}).not.toHaveProperty("polluted");
  });

  it.each([
    ["uint64 5", [0xcf, 0, 0, 0, 0, 0, 0, 0, 5], "5"],
    ["int64 -5", [0xd3, 255, 255, 255, 255, 255, 255, 255, 251], "-5"],
    ["a time in ms as uint64", [0xcf, 0, 0, 0x01, 0x9b, 0x76, 0xda, 0x94, 0x00], String(0x019b76da9400)],
    ["float32 0.5", [0xca, 0x3f, 0, 0, 0], "0.5"],
    ["nil", [0xc0], "null"],
  ])("N45 › %s is a number all the same", (_name, payload, text) => {
    expect(payloadText(publishOf(...payload))).toBe(text);
  });
});

describe("msgpack › what JSON can't say", () => {
  it.each([
    ["binary", [0xc4, 1, 9]],
    ["binary of no bytes", [0xc4, 0]],
    ["binary inside", [0x91, 0x81, 0xa1, 0x61, 0xc5, 0, 1, 9]],
    ["a timestamp of 4 bytes", [0xd6, 0xff, 0, 0, 0, 1]],
    ["a timestamp of 8 bytes", [0xd7, 0xff, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["a timestamp of 12 bytes", [0xc7, 12, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["NaN", [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]],
    ["infinity", [0x91, 0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0]],
    ["uint64 beyond 2^53", [0xcf, 255, 255, 255, 255, 255, 255, 255, 255]],
    ["int64 beyond -2^53", [0xd3, 128, 0, 0, 0, 0, 0, 0, 0]],
  ])("N42 › %s is refused with invalid_field and the id", (_name, payload) => {
    expect(decodeMsgpackCommand(publishOf(...payload))).toEqual(
      expect.objectContaining({ code: "invalid_field", id: 7 }),
    );
  });

  it.each([
    ["an unknown extension", [0xd4, 5, 1]],
    ["an extension of 8 bytes", [0xd7, 0x62, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["undefined (fixext 1)", [0xd4, 0, 0]],
    ["a set (ext 8)", [0xc7, 1, 0x73, 0x90]],
    ["ext 16", [0xc8, 0, 1, 5, 1]],
    ["ext 32", [0xc9, 0, 0, 0, 1, 5, 1]],
    ["fixext 16", [0xd8, 5, ...new Array(16).fill(1)]],
    ["the unused byte", [0xc1]],
    ["a key that is a number", [0x81, 1, 2]],
    ["a key that is a list", [0x81, 0x91, 1, 2]],
    ["a key that is binary", [0x81, 0xc4, 1, 0x61, 2]],
    ["a key __proto__", [0x81, 0xa9, ...encoder.encode("__proto__"), 0x80]],
    ["a list that is too short", [0x92, 1]],
    ["a list that claims four billion elements", [0xdd, 255, 255, 255, 255, 1]],
    ["a text that claims four billion bytes", [0xdb, 255, 255, 255, 255, 1]],
    ["a second value", [1, 1]],
  ])("N41 › %s is refused with invalid_frame", (_name, payload) => {
    expect(decodeMsgpackCommand(publishOf(...payload))).toEqual(expect.objectContaining({ code: "invalid_frame" }));
  });

  it("N41 › the text __proto__ is no harm where it is a value", () => {
    expect(payloadText(publishOf(0xa9, ...encoder.encode("__proto__")))).toBe('"__proto__"');
  });

  it("N41 › a text that is not UTF-8 is refused with invalid_utf8", () => {
    expect(decodeMsgpackCommand(publishOf(0xa2, 0xc3, 0x28))).toEqual(
      expect.objectContaining({ code: "invalid_utf8" }),
    );
  });

  it("N41 › records are refused, and leave nothing behind for the next frame", () => {
    const recording = new Packr({ useRecords: true });
    expect(decodeMsgpackCommand(recording.pack({ type: "ping", id: 64 }))).toEqual(
      expect.objectContaining({ code: "invalid_frame" }),
    );
    for (const id of [0x40, 0x41, 0x7f])
      expect(decodeMsgpackCommand(pack({ type: "ping", id }))).toEqual({ ok: true, value: { type: "ping", id } });
  });

  it("N41 › references that would unfold to gigabytes are refused before they are followed", () => {
    // Twenty-nine lists, each of the one before and a reference to it: 2^29 elements from 390 bytes.
    const label = (id: number) => [0xd6, 0x69, 0, 0, 0, id];
    const reference = (id: number) => [0xd6, 0x70, 0, 0, 0, id];
    let payload = [...label(0), 0x91, 1];
    for (let id = 1; id < 29; id++) payload = [...label(id), 0x92, ...payload, ...reference(id - 1)];
    expect(decodeMsgpackCommand(publishOf(...payload))).toEqual(expect.objectContaining({ code: "invalid_frame" }));
  });
});

describe("msgpack › whole frames", () => {
  it("N41 › no part of a frame is a frame, and nothing may follow one", () => {
    fc.assert(
      fc.property(anyCommand, fc.nat(), bytes(5), ({ map }, position, more) => {
        const data = pack(map);
        expect(decodeMsgpackCommand(data.subarray(0, position % data.length)).ok).toBe(false);
        if (more.length > 0) expect(decodeMsgpackCommand(Uint8Array.from([...data, ...more])).ok).toBe(false);
      }),
    );
  });

  it("N41 › any plain value is read, whatever lengths its encoder chose", () => {
    fc.assert(
      fc.property(longForm, ({ encoded, value }) => {
        expect(JSON.parse(payloadText(publishOf(...encoded)))).toEqual(value);
      }),
    );
  });

  it("N41, N46 › a thousand levels pass, both ways", () => {
    // The frame itself is one of them.
    const text = payloadText(publishOf(...new Array(998).fill(0x91), 0x90));
    expect(text).toBe("[".repeat(999) + "]".repeat(999));
    const deep = "[".repeat(1000) + "]".repeat(1000);
    expect(JSON.stringify(unpack(encodeMsgpackPublication("c", publicationOf("e", deep))))).toContain(deep);
  });

  it.each([1000, 5000, 60_000, 500_000])(
    "N41 › %i levels in a payload are refused, and the next frame is read",
    (depth) => {
      expect(decodeMsgpackCommand(deepPublish(depth))).toEqual(expect.objectContaining({ code: "invalid_frame" }));
      expect(decodeMsgpackCommand(pack({ type: "ping", id: 1 }))).toEqual({ ok: true, value: { type: "ping", id: 1 } });
    },
  );

  it("N46 › a JSON payload too deep to encode throws, and the next one is right", () => {
    const publication = publicationOf("e", "[".repeat(100_000) + "]".repeat(100_000));
    expect(() => encodeMsgpackPublication("c", publication)).toThrow(RangeError);
    expect(unpack(encodeMsgpackPublication("c", publicationOf("e", "[1]")))).toEqual({
      channel: "c",
      event: "e",
      payload: [1],
    });
  });

  it("N7 › JSON text is no msgpack frame, nor the other way round", () => {
    expect(decodeMsgpackCommand(encoder.encode('{"type":"ping"}')).ok).toBe(false);
    expect(decodeJsonCommand(pack({ type: "ping" })).ok).toBe(false);
  });
});

/** A publish with a payload of `depth` lists, one in the other. */
function deepPublish(depth: number): Uint8Array {
  const head = publishOf();
  const data = new Uint8Array(head.length + depth).fill(0x91);
  data.set(head);
  data[data.length - 1] = 0x90;
  return data;
}

interface LongForm {
  readonly encoded: number[];
  readonly value: unknown;
}

/** Values in encodings that are longer than need be, as some libraries write them. */
const longForm: fc.Arbitrary<LongForm> = fc.letrec<{ any: LongForm; scalar: LongForm; list: LongForm; map: LongForm }>(
  (tie) => ({
    any: fc.oneof({ maxDepth: 3 }, tie("scalar"), tie("list"), tie("map")),
    scalar: fc.oneof(
      fc.constantFrom<LongForm>(
        { encoded: [0xc0], value: null },
        { encoded: [0xc2], value: false },
        { encoded: [0xc3], value: true },
      ),
      fc
        .tuple(fc.nat({ max: 127 }), fc.constantFrom(0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3))
        .map(([value, tag]) => {
          const size = 2 ** ((tag - 0xcc) % 4);
          return { encoded: [tag, ...new Array(size - 1).fill(0), value], value };
        }),
      fc
        .tuple(fc.string({ unit: "grapheme", maxLength: 10 }), fc.nat({ max: 2 }))
        .map(([value, width]) => ({ encoded: longText(value, width), value })),
    ),
    list: fc.tuple(fc.array(tie("any"), { maxLength: 4 }), fc.nat({ max: 1 })).map(([items, width]) => ({
      encoded: [0xdc + width, ...lengthBytes(items.length, 2 + 2 * width), ...items.flatMap(({ encoded }) => encoded)],
      value: items.map(({ value }) => value),
    })),
    map: fc
      .tuple(fc.dictionary(fc.string({ maxLength: 4 }), tie("any"), { maxKeys: 4 }), fc.nat({ max: 1 }))
      .map(([members, width]) => {
        const entries = Object.entries(members).filter(([key]) => key !== "__proto__");
        return {
          encoded: [
            0xde + width,
            ...lengthBytes(entries.length, 2 + 2 * width),
            ...entries.flatMap(([key, { encoded }]) => [...longText(key, width), ...encoded]),
          ],
          value: Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
        };
      }),
  }),
).any;

function longText(text: string, width: number): number[] {
  const content = encoder.encode(text);
  return [0xd9 + width, ...lengthBytes(content.length, 2 ** width), ...content];
}

function lengthBytes(length: number, size: number): number[] {
  return [...new Array(size - 1).fill(0), length];
}

function withoutNegativeZero(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
