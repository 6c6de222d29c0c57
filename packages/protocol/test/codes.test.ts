import { CLOSE_CODES, type CloseCodeName, ERROR_CODES, reconnectRule } from "@carillon/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";

const closeCodes = Object.entries(CLOSE_CODES);

it("N39 › the range of a close code gives the rule", () => {
  fc.assert(
    fc.property(fc.integer({ min: 4000, max: 4099 }), (code) => {
      expect(reconnectRule(code)).toBe("never");
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 4100, max: 4199 }), (code) => {
      expect(reconnectRule(code)).toBe("backoff");
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 4200, max: 4299 }), (code) => {
      expect(reconnectRule(code)).toBe("immediate");
    }),
  );
  const others = fc.oneof(fc.integer({ min: 0, max: 3999 }), fc.integer({ min: 4300, max: 4999 }));
  fc.assert(
    fc.property(others, (code) => {
      expect(reconnectRule(code)).toBe("backoff");
    }),
  );
});

it("N39 › every close code stands in one of the three ranges, once", () => {
  const numbers = closeCodes.map(([, { code }]) => code);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const code of numbers) expect(Math.floor(code / 100)).toSatisfy((range: number) => [40, 41, 42].includes(range));
});

it("N39 › causes that pass by themselves never keep a client away", () => {
  const passing: CloseCodeName[] = [
    "token_unverifiable",
    "rate_limited",
    "user_connection_limit",
    "drain",
    "rebalance",
    "proxy_drain",
    "idle",
    "over_capacity",
    "token_expired",
  ];
  for (const [name, { code }] of closeCodes) {
    expect([name, reconnectRule(code) === "never"]).toEqual([name, !passing.includes(name as CloseCodeName)]);
  }
});

it("codes › every close reason fits a close frame", () => {
  // A control frame has at most 125 bytes, two of which are the code.
  for (const [, { reason }] of closeCodes) expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
});

it("codes › every error code has an error status and a title of its own", () => {
  const entries = Object.entries(ERROR_CODES);
  for (const [name, { status, title }] of entries) {
    expect(name).toMatch(/^[a-z0-9]+(_[a-z0-9]+)*$/);
    expect(status).toSatisfy((each: number) => (each >= 400 && each <= 431) || each === 500 || each === 503);
    expect(title).toMatch(/^[A-Z].*[^.]$/);
  }
  expect(new Set(entries.map(([, { title }]) => title)).size).toBe(entries.length);
});

it("codes › only statuses that speak of now are retryable, and 503 always is", () => {
  for (const [name, { status, isRetryable }] of Object.entries(ERROR_CODES)) {
    if (isRetryable) expect([name, [408, 429, 503]]).toEqual([name, expect.arrayContaining([status])]);
    if (status === 503) expect([name, isRetryable]).toEqual([name, true]);
  }
});
