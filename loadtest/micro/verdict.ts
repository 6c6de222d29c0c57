import type { Absent, Measured } from "./comparison.ts";
import type { Interval } from "./interval.ts";
import { intervalOf } from "./interval.ts";

/** What is said of a benchmark. */
export type Finding =
  /** It may be slower by less than the limit. */
  | "within the limit"
  | "faster"
  | "slower"
  /** It looked slower, and did not when it was measured again. */
  | "slower once, not again"
  | "not in the base";

/** A benchmark with what came out. */
export interface Verdict {
  readonly name: string;
  readonly finding: Finding;
  readonly first: Measured | Absent;
  /** Of the first pass; null where nothing was measured. */
  readonly interval: Interval | null;
  /** What was measured again because it looked slower; null otherwise. */
  readonly second: Measured | null;
  readonly secondInterval: Interval | null;
}

/** True when the tree is surely slower than the limit allows: all of the interval is above it. */
export function looksSlower(measured: Measured | Absent, limit: number): boolean {
  return measured.kind === "measured" && intervalOf(measured.ratios).low > limit;
}

/** Judges a benchmark. `second`: where it looked slower, what was measured again. `limit`: the largest ratio that is fine. */
export function judge(name: string, first: Measured | Absent, second: Measured | null, limit: number): Verdict {
  if (first.kind === "absent") {
    return { name, finding: "not in the base", first, interval: null, second: null, secondInterval: null };
  }
  const interval = intervalOf(first.ratios);
  const secondInterval = second === null ? null : intervalOf(second.ratios);
  return { name, finding: findingOf(interval, secondInterval, limit), first, interval, second, secondInterval };
}

function findingOf(first: Interval, second: Interval | null, limit: number): Finding {
  if (first.low > limit) {
    // What was not measured again has not been refuted.
    return second === null || second.low > limit ? "slower" : "slower once, not again";
  }
  return first.high < 1 / limit ? "faster" : "within the limit";
}

/** True when nothing is slower. */
export function isPassed(verdicts: readonly Verdict[]): boolean {
  return verdicts.every(({ finding }) => finding !== "slower");
}
