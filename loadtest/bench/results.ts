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
    const values = valuesOf(measurements, goal.contender, goal.metric);
    const { baseline } = goal;
    // Both ran within the same seconds, or at least the same minute: what else the machine did weighs on both.
    const base = baseline === null ? values.map(() => 1) : valuesOf(measurements, baseline, goal.metric);
    const ratios = values.flatMap((value, index) => (base[index] === undefined ? [] : [value / base[index]]));
    if (ratios.length === 0) continue;
    const [lowest, highest] = [Math.min(...ratios), Math.max(...ratios)];
    const reached = goal.holdsInEachRound === true ? highest : median(ratios);
    verdicts.push({ goal, reached, lowest, highest, isMet: reached <= goal.limit });
  }
  return verdicts;
}

/** Everything that went wrong in a scenario, each with the contender and the measurement it belongs to. */
export function problemsOf(scenario: Scenario, measurements: Measurements): string[] {
  return [...measurements].flatMap(([contender, ofContender]) =>
    ofContender.flatMap(({ problems }, index) =>
      problems.map((problem) => `${scenario.name}, ${contender}, measurement ${index + 1}: ${problem}`),
    ),
  );
}

function valuesOf(measurements: Measurements, contender: ContenderName, metric: string): number[] {
  return (measurements.get(contender) ?? []).map(({ values }) => values[metric] ?? Number.NaN);
}
