import { isOriginAllowed } from "@carillon/service";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOriginPattern } from "../../src/auth/origin.ts";

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: null });
const originOf = (scheme: string, name: string, number: number | null) =>
  `${scheme}://${name}${number === null ? "" : `:${number}`}`;

describe("isOriginAllowed", () => {
  it.each([
    [["*"], "https://anything.example"],
    [["*"], "null"],
    [["https://example.com"], "https://example.com"],
    [["https://Example.COM"], "https://example.com"],
    [["https://example.com"], "HTTPS://EXAMPLE.com"],
    [["https://example.com:443"], "https://example.com"],
    [["http://example.com"], "http://example.com:80"],
    [["http://localhost:3000"], "http://localhost:3000"],
    [["http://[::1]:3000"], "http://[::1]:3000"],
    [["https://*.example.com"], "https://a.example.com"],
    [["https://*.example.com"], "https://a.b.c.example.com"],
    [["https://*.example.com:8443"], "https://a.example.com:8443"],
    [["https://other.test", "https://*.example.com"], "https://a.example.com"],
    [["capacitor://localhost"], "capacitor://localhost"],
    [["chrome-extension://abcdefgh"], "chrome-extension://abcdefgh"],
  ])("with %o allows %s", (patterns, origin) => {
    expect(isOriginAllowed(patterns, origin)).toBe(true);
  });

  it.each([
    [[], "https://example.com"],
    [["https://example.com"], "null"],
    [["https://example.com"], "https://example.com.evil.com"],
    [["https://example.com"], "https://evilexample.com"],
    [["https://example.com"], "http://example.com"],
    [["https://example.com"], "https://example.com:8443"],
    [["https://example.com"], "https://sub.example.com"],
    [["https://example.com"], "https://example.com/"],
    [["https://example.com"], "https://example.com@evil.com"],
    [["https://example.com"], "https://examplexcom"],
    [["https://example.com"], " https://example.com"],
    [["https://example.com"], "*"],
    [["https://*.example.com"], "https://example.com"],
    [["https://*.example.com"], "https://.example.com"],
    [["https://*.example.com"], "https://evilexample.com"],
    [["https://*.example.com"], "https://a.example.com.evil.com"],
    [["https://*.example.com"], "https://evil.com/.example.com"],
    [["https://*.example.com"], "https://evil.com#.example.com"],
    [["https://*.example.com"], "https://evil.com:1.example.com"],
    [["https://*.example.com"], "https://a..example.com"],
    [["https://*.example.com"], "https://*.example.com"],
    [["https://*.example.com"], "http://a.example.com"],
    [["https://*.example.com"], "https://a.example.com:8443"],
    [["https://*.example.com:8443"], "https://a.example.com"],
    [["https://*.example.com"], `https://${"a.".repeat(300)}example.com`],
  ])("with %o refuses %s", (patterns, origin) => {
    expect(isOriginAllowed(patterns, origin)).toBe(false);
  });

  it("lets clients without an Origin header in, whatever is configured", () => {
    expect(isOriginAllowed([], "")).toBe(true);
    expect(isOriginAllowed(["https://example.com"], "")).toBe(true);
  });

  it("allows exactly the origin that is listed", () => {
    fc.assert(
      fc.property(host, port, host, port, (name, number, otherName, otherNumber) => {
        const listed = originOf("https", name, number === 443 ? null : number);
        const other = originOf("https", otherName, otherNumber === 443 ? null : otherNumber);
        expect(isOriginAllowed([listed], listed)).toBe(true);
        expect(isOriginAllowed([listed], other)).toBe(listed === other);
        expect(isOriginAllowed([listed], originOf("http", name, number))).toBe(false);
      }),
    );
  });

  it("lets `*.` stand for sub-domains and nothing else", () => {
    fc.assert(
      fc.property(host, host, fc.string({ maxLength: 12 }), (domain, sub, noise) => {
        const patterns = [`https://*.${domain}`];
        expect(isOriginAllowed(patterns, `https://${sub}.${domain}`)).toBe(true);
        expect(isOriginAllowed(patterns, `https://${domain}.${sub}x`)).toBe(false);
        expect(isOriginAllowed(patterns, `https://${sub}${domain}`)).toBe(false);
        const isSubdomain = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(noise);
        expect(isOriginAllowed(patterns, `https://${noise}.${domain}`)).toBe(isSubdomain);
      }),
    );
  });

  it("never throws, whatever a client sends", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (origin) => {
        expect(isOriginAllowed(["https://*.example.com"], origin)).toBe(origin === "");
      }),
    );
  });
});

describe("isOriginPattern", () => {
  it.each(["*", "https://example.com", "https://*.example.com", "http://localhost:3000", "http://[::1]"])(
    "takes %s",
    (pattern) => {
      expect(isOriginPattern(pattern)).toBe(true);
    },
  );

  it.each([
    "",
    "example.com",
    "https://",
    "https://example.com/",
    "https://example.com/app",
    "https://*",
    "https://a.*.com",
    "https://*example.com",
    "null",
    "https://*.[::1]",
    "//example.com",
  ])("refuses %j", (pattern) => {
    expect(isOriginPattern(pattern)).toBe(false);
  });
});
