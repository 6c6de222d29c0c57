/** Upper bounds of the duration buckets, in seconds: from a core publish on loopback to a bus that barely answers. */
export const DURATION_BOUNDS_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/**
 * What a publisher counts about its calls. Plain numbers, counted in place; the metrics endpoint reads them when it is
 * asked. They only ever grow, but for {@link inFlight}.
 */
export class PublisherCounters {
  readonly #answers = new Map<number, number>();
  readonly #durations: number[] = new Array(DURATION_BOUNDS_SECONDS.length + 1).fill(0);
  #durationSumSeconds = 0;
  #inFlight = 0;

  /** Calls that are being handled now. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Answers by HTTP status. 401 and 413 count like 204; a client that went away before its body came counts as 408. */
  get answers(): ReadonlyMap<number, number> {
    return this.#answers;
  }

  /** Answers by how long they took: as many as {@link DURATION_BOUNDS_SECONDS}, each up to its bound, and one beyond. */
  get durations(): readonly number[] {
    return this.#durations;
  }

  /** All durations together. */
  get durationSumSeconds(): number {
    return this.#durationSumSeconds;
  }

  /** A call has come in. */
  begin(): void {
    this.#inFlight++;
  }

  /** It has been answered. */
  end(status: number, durationMs: number): void {
    const seconds = durationMs / 1000;
    let bucket = 0;
    while (bucket < DURATION_BOUNDS_SECONDS.length && seconds > (DURATION_BOUNDS_SECONDS[bucket] ?? 0)) bucket++;
    this.#durations[bucket] = (this.#durations[bucket] ?? 0) + 1;
    this.#durationSumSeconds += seconds;
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1);
    this.#inFlight--;
  }
}
