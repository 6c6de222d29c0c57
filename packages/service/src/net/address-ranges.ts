import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** What stands before an IPv4 address that is written as IPv6. */
const MAPPED_BITS = 96;

/** True for an IP address, and for a range of them as `10.0.0.0/8` or `fd00::/8`, an IPv4 one in four parts. */
export function isAddressRange(text: string): boolean {
  return parseRange(text) !== null;
}

/** The address in its usual short form, an IPv4 one also where it was written as IPv6; null for what is no address. */
export function canonicalAddress(text: string): string | null {
  return parseAddress(text)?.toString() ?? null;
}

/** Some addresses and ranges, to ask whether an address is among them. */
export class AddressRanges {
  readonly #ranges: readonly (readonly [Address, number])[];

  /** Each of `ranges` must be one ({@link isAddressRange}); throws a RangeError otherwise. */
  constructor(ranges: readonly string[]) {
    this.#ranges = ranges.map((text) => {
      const range = parseRange(text);
      if (range === null) throw new RangeError("this is no address, nor a range of addresses");
      return range;
    });
  }

  /** False for what is no address. */
  has(text: string): boolean {
    const address = parseAddress(text);
    if (address === null) return false;
    return this.#ranges.some(([first, bits]) => first.kind() === address.kind() && address.match(first, bits));
  }
}

function parseAddress(text: string): Address | null {
  // Only in four parts: 10.1 and 0x0a000001 would be IPv4 addresses as well, of which nobody thinks here.
  if (!(text.includes(":") ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text))) return null;
  return ipaddr.process(text);
}

function parseRange(text: string): readonly [Address, number] | null {
  const slash = text.indexOf("/");
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === null) return null;
  const mostBits = address.kind() === "ipv4" ? 32 : 128;
  if (slash === -1) return [address, mostBits];
  if (!ipaddr.isValidCIDR(text)) return null;
  const bits = Number(text.slice(slash + 1));
  // Of an IPv4 range that is written as IPv6, the bits before the address aren't counted.
  const counted = mostBits === 32 && text.includes(":") ? bits - MAPPED_BITS : bits;
  return counted < 0 ? null : [address, counted];
}
