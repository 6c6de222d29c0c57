/**
 * Times as counts in buckets, so that the times of many processes can be put together exactly: whole milliseconds below 100, two
 * significant digits above. A time counts in the bucket that it fits into, so a percentile is never told shorter than it was.
 */

/** Longest time that is told apart, in ms; anything longer counts as this. */
const LONGEST_MS = 120_000;

/** The upper bounds of all buckets, in ms, ascending. */
export const BUCKET_BOUNDS: readonly number[] = makeBounds();

/** The bound of the bucket that a time falls into; what lies before 0 counts as 0. */
export function bucketOf(ms: number): number {
  const whole = Math.ceil(ms);
  if (!(whole > 0)) return 0;
  if (whole >= LONGEST_MS) return LONGEST_MS;
  let step = 1;
  while (whole > 100 * step) step *= 10;
  return Math.ceil(whole / step) * step;
}

/** Counts by bucket. */
export class Buckets {
  readonly #counts = new Map<number, number>();
  #total = 0;

  /** How many times were added. */
  get total(): number {
    return this.#total;
  }

  /** Adds `count` times of `ms`. */
  add(ms: number, count = 1): void {
    const bound = bucketOf(ms);
    this.#counts.set(bound, (this.#counts.get(bound) ?? 0) + count);
    this.#total += count;
  }

  /** Adds everything that another one counted: the result is what one that saw all of it would have. */
  merge(counts: readonly (readonly [number, number])[]): void {
    for (const [bound, count] of counts) this.add(bound, count);
  }

  /** The smallest bound that at least `share` (0 to 1) of all times don't exceed, in ms; null when there is none. 1 gives the longest. */
  percentile(share: number): number | null {
    const wanted = Math.max(1, Math.ceil(this.#total * share));
    let counted = 0;
    for (const [bound, count] of this.toCounts()) {
      counted += count;
      if (counted >= wanted) return bound;
    }
    return null;
  }

  /** `[bound, count]` of each bucket that has something, ascending; for {@link merge}. */
  toCounts(): readonly (readonly [number, number])[] {
    return [...this.#counts].sort(([a], [b]) => a - b);
  }
}

function makeBounds(): number[] {
  const bounds: number[] = [];
  for (let ms = 0; ms < LONGEST_MS; ms = bucketOf(ms + 1)) bounds.push(ms);
  bounds.push(LONGEST_MS);
  return bounds;
}
