import type { TimeName } from "./objectives.ts";

/** The shares of all times that an objective may be about: p50, p95, p99. */
export const SHARES = [0.5, 0.95, 0.99] as const;

/**
 * How many too many of some times are longer than is allowed: more than 0 when the percentile is over its limit. It is a sum, so
 * threads and processes need not know of each other for k6 to judge all of them by one threshold, and no time has to be kept.
 * In hundredths of a time, so that sums are whole numbers and exact.
 */
export function excessOf(
  counts: readonly (readonly [number, number])[],
  { share, mostMs }: { readonly share: number; readonly mostMs: number },
): number {
  const allowedOfHundred = 100 - Math.round(share * 100);
  let excess = 0;
  for (const [bound, count] of counts) excess += (bound > mostMs ? 100 : 0) * count - allowedOfHundred * count;
  return excess;
}

/** What k6 calls the excess of a percentile. */
export function excessKey(time: TimeName, share: number): string {
  return `${time}_p${Math.round(share * 100)}_excess`;
}
