import {
  allows,
  CAPABILITY_VERBS,
  type Capabilities,
  MAX_CAPABILITY_PATTERNS,
  matchesPattern,
  parseCapabilities,
} from "@carillon/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

// Few letters, so that patterns do match.
const pattern = fc.array(fc.constantFrom("a", "b", "*", ".", "-"), { maxLength: 8 }).map((each) => each.join(""));
const name = fc.array(fc.constantFrom("a", "b", ".", "-"), { maxLength: 10 }).map((each) => each.join(""));

function asRegExp(text: string): RegExp {
  const parts = text.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\-]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^]*")}$`);
}

describe("matchesPattern", () => {
  it("agrees with a regular expression", () => {
    fc.assert(
      fc.property(pattern, name, (text, channel) => {
        expect(matchesPattern(text, channel)).toBe(asRegExp(text).test(channel));
      }),
      { numRuns: 5000 },
    );
  });

  it("matches every name that fills its stars", () => {
    const filled = fc.array(fc.tuple(name, name), { maxLength: 5 });
    fc.assert(
      fc.property(filled, name, (pairs, end) => {
        const text = `${pairs.map(([fixed]) => `${fixed}*`).join("")}${end}`;
        const channel = pairs.map(([fixed, free]) => fixed + free).join("") + end;
        expect(matchesPattern(text, channel)).toBe(true);
      }),
    );
  });

  it("comes to an answer on what makes backtracking explode", () => {
    const channel = `${"a".repeat(199)}b`;
    expect(matchesPattern("a*".repeat(90), channel)).toBe(true);
    expect(matchesPattern(`${"*a".repeat(90)}*c`, channel)).toBe(false);
    expect(matchesPattern("*".repeat(8000), channel)).toBe(true);
  });

  it.each([
    ["ab*ba", "aba"],
    ["*ab*ab", "ab"],
    ["a", ""],
    ["", "a"],
    ["orders-*", "orders"],
    ["orders-*", "private-orders-1"],
  ])("%j doesn't match %j", (text, channel) => expect(matchesPattern(text, channel)).toBe(false));
});

describe("allows", () => {
  const capabilities: Capabilities = {
    "orders-*": ["subscribe"],
    "*": ["history"],
    "private-user-42": ["subscribe", "publish"],
  };

  it("grants what some matching pattern lists, and nothing else", () => {
    expect(allows(capabilities, "subscribe", "orders-1")).toBe(true);
    expect(allows(capabilities, "publish", "orders-1")).toBe(false);
    expect(allows(capabilities, "history", "anything")).toBe(true);
    expect(allows(capabilities, "publish", "private-user-42")).toBe(true);
    expect(allows(capabilities, "publish", "private-user-421")).toBe(false);
    expect(allows({}, "subscribe", "orders-1")).toBe(false);
  });

  it("is what each verb of each matching pattern says", () => {
    const some = fc.dictionary(pattern, fc.uniqueArray(fc.constantFrom(...CAPABILITY_VERBS)), { maxKeys: 5 });
    fc.assert(
      fc.property(some, fc.constantFrom(...CAPABILITY_VERBS), name, (claim, verb, channel) => {
        const expected = Object.entries(claim).some(
          ([text, verbs]) => verbs.includes(verb) && asRegExp(text).test(channel),
        );
        expect(allows(claim, verb, channel)).toBe(expected);
      }),
    );
  });
});

describe("parseCapabilities", () => {
  it.each([
    undefined,
    null,
    "orders-*",
    1,
    true,
    [],
    [["orders-*", ["subscribe"]]],
    { a: "subscribe" },
    { a: null },
    { a: {} },
    { a: ["read"] },
    { a: ["Subscribe"] },
    { a: ["subscribe", 1] },
    { a: [["subscribe"]] },
    { a: ["toString"] },
  ])("refuses %j", (claim) => expect(parseCapabilities(claim)).toBeNull());

  it("takes an empty map, and a pattern without verbs", () => {
    expect(parseCapabilities({})).toEqual({});
    expect(parseCapabilities({ a: [] })).toEqual({ a: [] });
  });

  it("takes as many patterns as the bound says, and not one more", () => {
    const patterns = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, ["subscribe"]]));
    expect(parseCapabilities(patterns(MAX_CAPABILITY_PATTERNS))).not.toBeNull();
    expect(parseCapabilities(patterns(MAX_CAPABILITY_PATTERNS + 1))).toBeNull();
  });

  it("takes __proto__ for a pattern like any other", () => {
    const parsed = parseCapabilities(JSON.parse('{"__proto__":["subscribe"]}'));
    if (parsed === null) return expect.fail("refused");
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect(allows(parsed, "subscribe", "__proto__")).toBe(true);
    expect(allows(parsed, "subscribe", "other")).toBe(false);
    expect(parseCapabilities(JSON.parse('{"__proto__":{"a":["subscribe"]}}'))).toBeNull();
  });

  it("hands out what can't be changed", () => {
    expect(Object.isFrozen(parseCapabilities({ a: ["subscribe"] }))).toBe(true);
  });
});
