import type { Machine } from "./machine.ts";
import { machineLines } from "./machine.ts";
import type { Measurements, Verdict } from "./results.ts";
import { judge, medianOf, problemsOf } from "./results.ts";
import type { Goal, Scenario } from "./scenario.ts";
import { table } from "./table.ts";

/** Everything there is to report about one scenario. */
export interface ScenarioReport {
  readonly scenario: Scenario;
  readonly measurements: Measurements;
}

/** A whole run of the bench. */
export interface RunReport {
  readonly command: string;
  readonly date: string;
  readonly seconds: number;
  readonly roundCount: number;
  readonly machine: Machine;
  /** Load average of the minute before it began: what else the machine had to do. */
  readonly loadBefore: number;
  readonly scenarios: readonly ScenarioReport[];
}

/** True when every goal that could be judged was met and nothing went wrong. */
export function isPassed(run: RunReport): boolean {
  return run.scenarios.every(
    ({ scenario, measurements }) =>
      problemsOf(scenario, measurements).length === 0 && judge(scenario, measurements).every(({ isMet }) => isMet),
  );
}

/** The outcome in a sentence. */
export function conclusion(run: RunReport): string {
  if (!isPassed(run)) return "Goals missed, or something went wrong: see above.";
  const goals = run.scenarios.reduce(
    (sum, { scenario, measurements }) => sum + judge(scenario, measurements).length,
    0,
  );
  return goals === 0 ? "Nothing lost; no goal to judge in this choice." : `Nothing lost; all ${goals} goals met.`;
}

/** The run as Markdown: goals first, then a table for each scenario. */
export function toMarkdown(run: RunReport): string {
  const about = [
    `- Command: \`${run.command}\`, ${run.date}, ${Math.round(run.seconds)} s, ${run.roundCount} round${run.roundCount === 1 ? "" : "s"}`,
    ...machineLines(run.machine, run.loadBefore),
  ].join("\n");
  const sections = run.scenarios.map(scenarioSection);
  return [about, goalsTable(run), ...sections].filter((part) => part !== "").join("\n\n");
}

/** The run for programs: every measurement of every round, and the verdicts. */
export function toJson(run: RunReport): string {
  const scenarios = run.scenarios.map(({ scenario, measurements }) => ({
    name: scenario.name,
    title: scenario.title,
    contenders: Object.fromEntries(measurements),
    goals: judge(scenario, measurements).map(({ goal, ...verdict }) => ({ ...goal, ...verdict })),
    problems: problemsOf(scenario, measurements),
  }));
  return `${JSON.stringify({ ...run, isPassed: isPassed(run), scenarios }, null, 2)}\n`;
}

function goalsTable(run: RunReport): string {
  const verdicts = run.scenarios.flatMap(({ scenario, measurements }) => judge(scenario, measurements));
  if (verdicts.length === 0) return "";
  const rows = verdicts.map((verdict) => [
    verdict.goal.title,
    reachedText(verdict),
    limitText(verdict.goal),
    `${verdict.lowest.toFixed(2)} to ${verdict.highest.toFixed(2)}`,
    verdict.isMet ? "met" : "**missed**",
  ]);
  return table(["Goal", "Carillon", "Limit", "Lowest to highest", ""], rows);
}

function scenarioSection({ scenario, measurements }: ScenarioReport): string {
  const { metrics, name, title } = scenario;
  const rows = [...measurements.keys()].map((contender) => [
    contender,
    ...metrics.map(({ key, digits }) => numberText(medianOf(measurements, contender, key), digits)),
  ]);
  const problems = problemsOf(scenario, measurements).map((problem) => `- **Wrong**: ${problem}`);
  const parts = [`### ${name}`, title, table([`${name}: medians`, ...metrics.map((metric) => metric.title)], rows)];
  return [...parts, ...(problems.length > 0 ? [problems.join("\n")] : [])].join("\n\n");
}

function reachedText({ goal, reached }: Verdict): string {
  return goal.baseline === null
    ? `${reached.toFixed(2)} ${goal.unit}`.trimEnd()
    : `${reached.toFixed(2)} × ${goal.baseline}`;
}

function limitText({ baseline, limit, unit }: Goal): string {
  return baseline === null ? `≤ ${limit} ${unit}`.trimEnd() : `≤ ${limit} × ${baseline}`;
}

function numberText(value: number, digits: number): string {
  if (Number.isNaN(value)) return "–";
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
