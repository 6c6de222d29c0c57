import { table } from "../bench/table.ts";
import type { Base } from "./base.ts";
import type { Interval } from "./interval.ts";
import { isPassed, type Verdict } from "./verdict.ts";

/** A whole run of the gate. */
export interface GateReport {
  readonly base: Base;
  readonly limit: number;
  readonly seconds: number;
  readonly verdicts: readonly Verdict[];
}

/** The run as Markdown. */
export function toMarkdown({ base, limit, seconds, verdicts }: GateReport): string {
  const head = ["CPU time, tree ÷ base", "base µs", "tree µs", "ratio", "95 % interval", "again", ""];
  const about =
    `- Base: ${base.commit.slice(0, 12)}, ${base.origin}\n` +
    `- Fails where all of the interval is above ${limit.toFixed(2)}, twice; ${Math.round(seconds)} s`;
  const absent = verdicts.flatMap(({ name, first }) =>
    first.kind === "absent" ? [`- ${name} is not in the base: ${first.reason}`] : [],
  );
  return [about, table(head, verdicts.map(row)), ...(absent.length === 0 ? [] : [absent.join("\n")])].join("\n\n");
}

/** The run for programs: everything that was measured. */
export function toJson(report: GateReport): string {
  return `${JSON.stringify({ ...report, isPassed: isPassed(report.verdicts) }, null, 2)}\n`;
}

/** The outcome in a sentence. */
export function conclusion({ verdicts, limit }: GateReport): string {
  const slower = verdicts.filter(({ finding }) => finding === "slower").map(({ name }) => name);
  const compared = verdicts.filter(({ first }) => first.kind === "measured").length;
  if (slower.length === 0) {
    return `None of ${compared} benchmarks is slower than the base by more than a factor of ${limit.toFixed(2)}.`;
  }
  return `Slower than the base by more than a factor of ${limit.toFixed(2)}: ${slower.join(", ")}.`;
}

function row({ name, finding, first, interval, secondInterval }: Verdict): string[] {
  if (first.kind === "absent" || interval === null) return [name, "–", "–", "–", "–", "", finding];
  const again = secondInterval === null ? "" : intervalText(secondInterval);
  const figures = [first.baseUs, first.treeUs].map((value) => value.toPrecision(3));
  const shown = finding === "slower" ? "**slower**" : finding;
  return [name, ...figures, interval.median.toFixed(2), intervalText(interval), again, shown];
}

function intervalText({ low, high }: Interval): string {
  return `${low.toFixed(2)} to ${high.toFixed(2)}`;
}
