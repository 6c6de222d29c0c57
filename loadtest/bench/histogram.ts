/** Counts by whole milliseconds, as it travels between processes: `[millisecond, count]`, ascending. */
export type HistogramCounts = readonly (readonly [number, number])[];

/** Longest time that is told apart, in ms; anything longer counts as this. */
export const LONGEST_MS = 120_000;

/** Very many times, by whole milliseconds, so that all of them can be kept: half a megabyte, whatever their number. */
export class Histogram {
  readonly #counts = new Uint32Array(LONGEST_MS + 1);
  #count = 0;

  /** How many times were added. */
  get count(): number {
    return this.#count;
  }

  /** Adds a time, rounded up to whole milliseconds; what lies before 0 counts as 0. */
  add(ms: number): void {
    this.#addMany(Math.min(LONGEST_MS, Math.max(0, Math.ceil(ms))), 1);
  }

  /** Adds everything that another one counted. */
  merge(counts: HistogramCounts): void {
    for (const [ms, count] of counts) this.#addMany(ms, count);
  }

  /** The smallest time that at least `share` (0 to 1) of all don't exceed, in ms; NaN when there is none. 1 gives the longest. */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.#count * share));
    let counted = 0;
    for (const [ms, count] of this.#counts.entries()) {
      counted += count;
      if (counted >= wanted) return ms;
    }
    return Number.NaN;
  }

  /** What was counted, for {@link merge}. */
  toCounts(): HistogramCounts {
    const counts: [number, number][] = [];
    for (const [ms, count] of this.#counts.entries()) if (count > 0) counts.push([ms, count]);
    return counts;
  }

  #addMany(ms: number, count: number): void {
    this.#counts[ms] = (this.#counts[ms] ?? 0) + count;
    this.#count += count;
  }
}
