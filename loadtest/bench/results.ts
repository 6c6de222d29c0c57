import type { ContenderName } from "./contender.ts";
import type { Goal, Measurement, Scenario } from "./scenario.ts";
import { median } from "./statistics.ts";

/** All measurements of a scenario: by contender, one for each part of each round, in order. */
export type Measurements = ReadonlyMap<ContenderName, readonly Measurement[]>;

/** Whether a goal was met. */
export interface Verdict {
  readonly goal: Goal;
  /** Median of the ratios of neighbouring measurements, or of the values for a goal without a baseline; the worst of a goal that holds in each round. */
  readonly reached: number;
  readonly lowest: number;
  readonly highest: number;
  readonly isMet: boolean;
}

/** Median of a metric of a contender; NaN when it didn't run. */
export function medianOf(measurements: Measurements, contender: ContenderName, metric: string): number {
  return median(valuesOf(measurements, contender, metric));
}

/** Judges a scenario's goals, as far as the contenders they speak of ran. */
export function judge(scenario: Scenario, measurements: Measurements): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const goal of scenario.goals) {
    const { contender, baseline, metric } = goal;
    const ratios =
      baseline === null
        ? valuesOf(measurements, contender, metric)
        : ratiosOf(measurements, { contender, baseline, metric });
    if (ratios.length === 0) continue;
    const [lowest, highest] = [Math.min(...ratios), Math.max(...ratios)];
    const reached = goal.holdsInEachRound === true ? highest : median(ratios);
    verdicts.push({ goal, reached, lowest, highest, isMet: reached <= goal.limit });
  }
  return verdicts;
}

/** Who is compared with whom, and by what. */
interface Comparison {
  readonly contender: ContenderName;
  readonly baseline: ContenderName;
  readonly metric: string;
}

/**
 * The ratios of neighbouring measurements: both ran within the same seconds, or at least the same minute, so that what else the machine
 * did weighs on both. None for a contender that didn't run.
 */
export function ratiosOf(measurements: Measurements, { contender, baseline, metric }: Comparison): number[] {
  const base = valuesOf(measurements, baseline, metric);
  return valuesOf(measurements, contender, metric).flatMap((value, index) =>
    base[index] === undefined ? [] : [value / base[index]],
  );
}

/** Everything that went wrong in a scenario, each with the contender and the measurement it belongs to. */
export function problemsOf(scenario: Scenario, measurements: Measurements): string[] {
  return [...measurements].flatMap(([contender, ofContender]) =>
    ofContender.flatMap(({ problems }, index) =>
      problems.map((problem) => `${scenario.name}, ${contender}, measurement ${index + 1}: ${problem}`),
    ),
  );
}

/** All values of a metric of a contender, in order; NaN for a measurement that failed. */
export function valuesOf(measurements: Measurements, contender: ContenderName, metric: string): number[] {
  return (measurements.get(contender) ?? []).map(({ values }) => values[metric] ?? Number.NaN);
}
