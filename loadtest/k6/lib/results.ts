import { BUCKET_BOUNDS, Buckets } from "./buckets.ts";
import type { CountName, TimeName } from "./objectives.ts";
import { COUNTS, TIMES } from "./objectives.ts";

/** What was measured, by one process or by many. */
export interface Results {
  readonly counts: Readonly<Record<CountName, number>>;
  /** `[bound in ms, count]` of each bucket. */
  readonly times: Readonly<Record<TimeName, readonly (readonly [number, number])[]>>;
}

/** Puts the results of processes together. Exactly: percentiles are those of all times, not means of percentiles. */
export function mergeResults(results: readonly Results[]): Results {
  const counts = COUNTS.map((name) => [name, results.reduce((sum, each) => sum + each.counts[name], 0)]);
  const times = TIMES.map((name) => {
    const buckets = new Buckets();
    for (const each of results) buckets.merge(each.times[name]);
    return [name, buckets.toCounts()];
  });
  return { counts: Object.fromEntries(counts), times: Object.fromEntries(times) };
}

/** A percentile of a time, in ms; null when it was not measured. */
export function percentileOf(results: Results, time: TimeName, share: number): number | null {
  const buckets = new Buckets();
  buckets.merge(results.times[time]);
  return buckets.percentile(share);
}

/** What k6 hands to a script at its end, as far as it is needed. */
export interface SummaryData {
  readonly metrics: Readonly<Record<string, { readonly values: Readonly<Record<string, number>> } | undefined>>;
}

/** Reads the results out of k6's summary. */
export function resultsOf({ metrics }: SummaryData): Results {
  const counts = COUNTS.map((name) => [name, metrics[name]?.values["count"] ?? 0]);
  const times = TIMES.map((time) => [time, bucketsOf(metrics, time)]);
  return { counts: Object.fromEntries(counts), times: Object.fromEntries(times) };
}

function bucketsOf(metrics: SummaryData["metrics"], time: TimeName): readonly (readonly [number, number])[] {
  return BUCKET_BOUNDS.map((bound) => [bound, metrics[bucketKey(time, bound)]?.values["count"] ?? 0] as const).filter(
    ([, count]) => count > 0,
  );
}

/** What k6 calls the part of a metric that holds a bucket. */
export function bucketKey(time: TimeName, bound: number): string {
  return `${time}_bucket{le:${bound}}`;
}
