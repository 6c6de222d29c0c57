import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonScan, NO_VALUE } from "../src/json-scan.ts";

/** JSON text, in other spellings than JSON.stringify's too. */
const json = fc.oneof(
  fc.json(),
  fc.json().map((text) => JSON.stringify(JSON.parse(text), null, "\t")),
  fc.constantFrom("1.0", "-0", "1e5", "1E+05", "0.1e-7", "01", "-", "1.", ".5", "1e", "+1", "tru", "nul", "NaN", "'a'"),
  fc.constantFrom(
    '"\\u00e9\\n"',
    '"\\x"',
    '"\\u00g0"',
    '"\t"',
    '"\u007f"',
    '"é🔔"',
    '"',
    "[1,]",
    '{"a":1,}',
    "[1 2]",
    "[",
    "{}x",
  ),
);
describe("JsonScan", () => {
  it("law › takes exactly one value of what JSON.parse takes, and nothing that it doesn't", () => {
    fc.assert(
      fc.property(json, (text) => {
        const bytes = new TextEncoder().encode(text);
        const isWhole = new JsonScan(bytes).value(0) === bytes.length;
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        if (text.trim() === text) expect(isWhole).toBe(isJson);
      }),
      { numRuns: 1_000 },
    );
  });

  it("leaves what is nested very deeply", () => {
    const deep = new TextEncoder().encode(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
    expect(new JsonScan(deep).value(0)).toBe(NO_VALUE);
  });
});
