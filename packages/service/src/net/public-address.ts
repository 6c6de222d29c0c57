import ipaddr from "ipaddr.js";

/** True for the text of an IPv4 or IPv6 address, without brackets. */
export function isAddress(text: string): boolean {
  return ipaddr.isValid(text);
}

/**
 * True for an address on the public internet. False for loopback, private, link-local (which is where clouds have their
 * metadata), carrier-grade NAT, multicast, reserved and all other special ones; and for what is no address. IPv6 addresses
 * that stand for an IPv4 one (mapped, NAT64, 6to4) are judged by that.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  if (address instanceof ipaddr.IPv4) return isPublicV4(address);
  const embedded = embeddedV4(address);
  return embedded === null ? address.range() === "unicast" : isPublicV4(embedded);
}

function isPublicV4(address: ipaddr.IPv4): boolean {
  return address.range() === "unicast";
}

/** The IPv4 address that an IPv6 one leads to; null when it leads to none. */
function embeddedV4(address: ipaddr.IPv6): ipaddr.IPv4 | null {
  const bytes = address.toByteArray();
  switch (address.range()) {
    case "ipv4Mapped":
    // NAT64: how hosts without IPv4 reach the rest of the internet.
    case "rfc6052":
      return new ipaddr.IPv4(bytes.slice(12, 16));
    case "6to4":
      return new ipaddr.IPv4(bytes.slice(2, 6));
    default:
      return null;
  }
}
