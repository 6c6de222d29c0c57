/** Durations, counted in buckets as plain numbers: what it costs to note one is a few comparisons. The numbers only ever grow. */
export class DurationBuckets {
  /** Upper bounds of the buckets, rising, in seconds. */
  readonly boundsSeconds: readonly number[];
  readonly #counts: number[];
  readonly #boundsMs: readonly number[];
  #sumMs = 0;

  constructor(boundsSeconds: readonly number[]) {
    this.boundsSeconds = boundsSeconds;
    this.#boundsMs = boundsSeconds.map((bound) => bound * 1000);
    this.#counts = new Array<number>(boundsSeconds.length + 1).fill(0);
  }

  /** How many fell up to each bound and above the one before, one more for those beyond. */
  get counts(): readonly number[] {
    return this.#counts;
  }

  /** All durations together. */
  get sumSeconds(): number {
    return this.#sumMs / 1000;
  }

  /** Adds one. A negative one, which clocks that differ can make, counts as 0. */
  note(durationMs: number): void {
    const bounds = this.#boundsMs;
    let bucket = 0;
    while (bucket < bounds.length && durationMs > (bounds[bucket] as number)) bucket++;
    (this.#counts[bucket] as number)++;
    if (durationMs > 0) this.#sumMs += durationMs;
  }
}
