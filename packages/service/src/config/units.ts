const SECONDS_PER: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };
const BYTES_PER: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};

const DURATION = /^(\d{1,12}(?:\.\d{1,6})?) ?(ms|s|m|h|d)?$/;
const BYTE_SIZE = /^(\d{1,12}(?:\.\d{1,6})?) ?(b|kb|mb|gb|kib|mib|gib)?$/i;

/** Whole seconds of a text such as `30`, `30s`, `2m`, `1.5h` or `1d`; null when it is none, or not whole. */
export function parseSeconds(text: string): number | null {
  const [, amount, unit = "s"] = DURATION.exec(text) ?? [];
  return whole(amount, SECONDS_PER[unit]);
}

/**
 * Bytes of a text such as `1024`, `10KB` (10,000) or `1.5MiB` (1,572,864), upper or lower case; null when it is none, or
 * not whole.
 */
export function parseByteSize(text: string): number | null {
  const [, amount, unit = "b"] = BYTE_SIZE.exec(text) ?? [];
  return whole(amount, BYTES_PER[unit.toLowerCase()]);
}

function whole(amount: string | undefined, factor: number | undefined): number | null {
  if (amount === undefined || factor === undefined) return null;
  const product = Number(amount) * factor;
  const rounded = Math.round(product);
  // Decimal fractions are not exact in binary: 2.3 * 1000 is a little less than 2300.
  return Math.abs(product - rounded) < 1e-6 ? rounded : null;
}
