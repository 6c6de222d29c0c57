import { Counter, Gauge, Rate } from "k6/metrics";
import { Buckets } from "./buckets.ts";
import { excessKey, excessOf, SHARES } from "./excess.ts";
import type { CountName, TimeName } from "./objectives.ts";
import { COUNTS, objectivesOf, TIMES } from "./objectives.ts";
import type { PublishOutcome } from "./publish-outcome.ts";
import { isRefusal } from "./publish-outcome.ts";
import type { LoadSettings } from "./settings.ts";

// k6 wants its metrics made before the test begins. Times have no trends: each value would cost a call into k6 and its memory.
const counters = new Map(COUNTS.map((name) => [name, new Counter(name)]));
const bucketCounters = new Map(TIMES.map((name) => [name, new Counter(`${name}_bucket`)]));
const excessCounters = new Map(
  TIMES.flatMap((time) => SHARES.map((share) => excessKey(time, share))).map((key) => [key, new Counter(key)]),
);
const connected = new Rate("connected");
const phase = new Gauge("phase");

/** Counts and times of one thread. Counts reach k6 when they are flushed, times at the end: one call for thousands. */
export class Meter {
  readonly #settings: LoadSettings;
  readonly #counts = new Map<CountName, number>();
  readonly #buckets = new Map(TIMES.map((name) => [name, new Buckets()]));
  // A thread reads what came for its clients in one go, so one time after the other is the same.
  #runName: TimeName = "connect_ms";
  #runMs = 0;
  #runLength = 0;

  constructor(settings: LoadSettings) {
    this.#settings = settings;
  }

  /** Counts something. */
  count(name: CountName, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  /** Counts what became of a publish: by reason, and whether it was refused or had no answer. */
  publish(outcome: PublishOutcome): void {
    this.count(outcome);
    if (outcome !== "published") this.count(isRefusal(outcome) ? "publish_refused" : "publish_unanswered");
  }

  /** Adds a time; what clocks make less than nothing counts as nothing. */
  time(name: TimeName, ms: number): void {
    if (name === this.#runName && ms === this.#runMs) {
      this.#runLength++;
      return;
    }
    this.#endRun();
    this.#runName = name;
    this.#runMs = ms;
    this.#runLength = 1;
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
    this.#endRun();
    // k6 skips the thresholds of what was never counted.
    for (const counter of [...counters.values(), ...bucketCounters.values()]) counter.add(0);
    for (const [name, buckets] of this.#buckets) {
      for (const [bound, count] of buckets.toCounts()) bucketCounters.get(name)?.add(count, { le: String(bound) });
    }
    for (const objective of objectivesOf(this.#settings)) {
      if (objective.kind !== "time") continue;
      const counts = this.#buckets.get(objective.time)?.toCounts() ?? [];
      excessCounters.get(excessKey(objective.time, objective.share))?.add(excessOf(counts, objective));
    }
  }

  #endRun(): void {
    if (this.#runLength > 0) this.#buckets.get(this.#runName)?.add(Math.max(0, this.#runMs), this.#runLength);
    this.#runLength = 0;
  }
}
