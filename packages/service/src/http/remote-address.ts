/** Bytes of an IPv4 address that is written as an IPv6 one: ten of 0, two of 0xff, then its four. */
const MAPPED_PREFIX_BYTES = 12;

/**
 * The text of a raw IP address: dotted for four bytes, and for sixteen that hold an IPv4 address (what a socket bound to
 * `::` shows for IPv4 clients); otherwise IPv6 in the short form of RFC 5952. "" for any other length.
 */
export function addressText(raw: ArrayBuffer): string {
  const bytes = new Uint8Array(raw);
  if (bytes.length === 4) return dotted(bytes, 0);
  if (bytes.length !== 16) return "";
  return isMapped(bytes) ? dotted(bytes, MAPPED_PREFIX_BYTES) : shortened(bytes);
}

function dotted(bytes: Uint8Array, start: number): string {
  return `${bytes[start]}.${bytes[start + 1]}.${bytes[start + 2]}.${bytes[start + 3]}`;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let index = 0; index < MAPPED_PREFIX_BYTES; index += 1) {
    if (bytes[index] !== (index < 10 ? 0 : 0xff)) return false;
  }
  return true;
}

function shortened(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0));
  const { start, length } = longestZeroRun(groups);
  const hex = (from: number, to?: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return length < 2 ? hex(0) : `${hex(0, start)}::${hex(start + length)}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: index - length + 1, length };
  }
  return best;
}
