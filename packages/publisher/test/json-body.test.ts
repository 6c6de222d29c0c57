import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJsonBody } from "../src/json-body.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function messageOf(text: string): string {
  const result = parseJsonBody(bytes(text));
  expect(result).toMatchObject({ ok: false, code: "invalid_json" });
  return result.ok ? "" : result.message;
}

describe("parseJsonBody", () => {
  it.each([
    [`{"channel":"a",}`, "line 1, column 16"],
    [`{'channel':"a"}`, "line 1, column 2 on: strings and names take double quotes"],
    [`{"a":1,\n "b": undefined}`, "line 2, column 7 on: undefined is not JSON, null is"],
    [`{"a":NaN}`, "line 1, column 6 on: NaN and Infinity are not JSON"],
    [`[1,2,]`, "line 1, column 6 on: is there a comma too many before it?"],
    [`{"a":1} trailing`, "line 1, column 9"],
    [`{"a":1} // note`, "line 1, column 9 on: JSON has no comments"],
    [`"a\u0001b"`, "line 1, column 3"],
    [`[01]`, "line 1, column 3"],
    [`["\\x41"]`, "line 1, column 4"],
  ])("says where %j stops being JSON", (text, expected) => {
    expect(messageOf(text)).toContain(expected);
  });

  it.each([`{"channel":"a"`, `{"channel":"a`, "[1,", `{"a":tr`, `["\\u12`, "[1.", "-"])(
    "takes %j for cut off",
    (text) => {
      expect(messageOf(text)).toBe(`the body ends within a value, after ${text.length} characters: is it cut off?`);
    },
  );

  it.each(["", "  \r\n"])("calls %j empty", (text) => {
    expect(messageOf(text)).toBe("the body is empty: send a JSON object");
  });

  it("names a byte order mark", () => {
    expect(messageOf('\uFEFF{"channel":"a"}')).toContain("byte order mark");
  });

  it("gives up the place, not the refusal, for a large body", () => {
    expect(messageOf(`["${"x".repeat(300_000)}",]`)).toBe("the body is not JSON");
  });

  it.each([
    [[0x1f, 0x8b, 8, 0], "compressed"],
    [[0xff, 0xfe, 0x7b, 0], "UTF-16"],
    [[0x22, 0xc3, 0x28, 0x22], "not UTF-8"],
    [[0x22, 0xed, 0xa0, 0x80, 0x22], "not UTF-8"],
  ])("refuses the bytes %j as invalid_utf8", (raw, expected) => {
    const result = parseJsonBody(Uint8Array.from(raw));
    expect(result).toMatchObject({ ok: false, code: "invalid_utf8", message: expect.stringContaining(expected) });
  });

  it("agrees with JSON.parse on every JSON value", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJsonBody(bytes(text))).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });

  it("never quotes the body, whatever character is changed in it", () => {
    const secret = "hunter2hunter2";
    const text = `{"channel":"a","event":"b","payload":{"password":"${secret}","list":[1,true,null]}}`;
    const change = fc.record({ at: fc.nat(text.length - 1), character: fc.constantFrom("", "'", "}", "]", "\n", "x") });
    fc.assert(
      fc.property(change, ({ at, character }) => {
        const result = parseJsonBody(bytes(text.slice(0, at) + character + text.slice(at + 1)));
        if (!result.ok) expect(result.message).not.toMatch(/hunter|password|channel|payload/);
      }),
    );
  });

  it("refuses any bytes, and never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (raw) => {
        const result = parseJsonBody(raw);
        if (!result.ok) expect(["invalid_utf8", "invalid_json"]).toContain(result.code);
      }),
    );
  });

  it("places a mistake where the text before it is still the beginning of JSON", () => {
    const mangled = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom("}", "'", ",", "#", ":"))
      .map(([text, at, extra]) => text.slice(0, at % (text.length + 1)) + extra);
    fc.assert(
      fc.property(mangled, (text) => {
        const result = parseJsonBody(bytes(text));
        const column = result.ok ? null : /^the body is not JSON from line 1, column (\d+)/.exec(result.message);
        if (column === null || column === undefined) return;
        expect(parseJsonBody(bytes(text.slice(0, Number(column[1]) - 1)))).not.toMatchObject({
          message: expect.stringContaining("is not JSON from"),
        });
      }),
    );
  });
});
