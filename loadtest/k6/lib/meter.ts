import { Counter, Gauge, Rate, Trend } from "k6/metrics";
import { Buckets } from "./buckets.ts";
import type { CountName, TimeName } from "./objectives.ts";
import { COUNTS, TIMES } from "./objectives.ts";

// k6 wants its metrics made before the test begins.
const counters = new Map(COUNTS.map((name) => [name, new Counter(name)]));
const trends = new Map(TIMES.map((name) => [name, new Trend(name, true)]));
const bucketCounters = new Map(TIMES.map((name) => [name, new Counter(`${name}_bucket`)]));
const connected = new Rate("connected");
const phase = new Gauge("phase");

/** Counts and times of one thread. Counts reach k6 when they are flushed: one call for thousands. */
export class Meter {
  readonly #counts = new Map<CountName, number>();
  readonly #buckets = new Map(TIMES.map((name) => [name, new Buckets()]));

  /** Counts something. */
  count(name: CountName, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  /** Adds a time; what clocks make less than nothing counts as nothing. */
  time(name: TimeName, ms: number): void {
    const value = Math.max(0, ms);
    trends.get(name)?.add(value);
    this.#buckets.get(name)?.add(value);
  }

  /** Says whether a client came to be connected, once for each. */
  connected(isSo: boolean): void {
    connected.add(isSo);
  }

  /** Says which phase the run is in: its number in the plan. */
  phase(number: number): void {
    phase.add(number);
  }

  /** Hands the counts so far to k6. */
  flush(): void {
    for (const [name, count] of this.#counts) if (count > 0) counters.get(name)?.add(count);
    this.#counts.clear();
  }

  /** Hands over everything; nothing may be counted afterwards. */
  end(): void {
    this.flush();
    // k6 skips the thresholds of what was never counted.
    for (const counter of counters.values()) counter.add(0);
    for (const [name, buckets] of this.#buckets) {
      for (const [bound, count] of buckets.toCounts()) bucketCounters.get(name)?.add(count, { le: String(bound) });
    }
  }
}
