import { describe, expect, test } from "vitest";
import { AddressRanges, canonicalAddress, isAddressRange } from "../../src/net/address-ranges.ts";

describe("a range of addresses", () => {
  test.each([
    ["10.0.0.0/8", "10.9.8.7", "11.0.0.1"],
    ["192.0.2.7", "192.0.2.7", "192.0.2.8"],
    ["fd00::/8", "fdab::1", "fe80::1"],
    ["::1", "::1", "::2"],
    ["::ffff:10.0.0.0/104", "10.9.8.7", "11.0.0.1"],
    ["::ffff:192.0.2.7", "192.0.2.7", "192.0.2.8"],
  ])("%s has %s, and not %s", (range, inside, outside) => {
    expect(isAddressRange(range)).toBe(true);
    const ranges = new AddressRanges([range]);
    expect([ranges.has(inside), ranges.has(outside)]).toEqual([true, false]);
  });

  // Some of these are read as ranges elsewhere: each as another one, or as one that nobody thinks of.
  test.each([
    "10/8",
    "10.1/16",
    "010.0.0.0/8",
    "0x0a000000/8",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "::ffff:10.0.0.0/95",
    "fd00::/129",
    "/8",
    "",
    "10.0.0.0/8/8",
    "localhost",
  ])("%s is none", (text) => {
    expect(isAddressRange(text)).toBe(false);
    expect(() => new AddressRanges([text])).toThrow(RangeError);
  });
});

test("an address has one form, and what is none has no form", () => {
  const forms = ["::FFFF:203.0.113.7", "2001:0DB8::0001", "203.0.113.7:80", "[2001:db8::1]", "203.0.113", "0x7f.1", ""];
  expect(forms.map(canonicalAddress)).toEqual(["203.0.113.7", "2001:db8::1", null, null, null, null, null]);
});
