import type { ContenderName } from "../contender.ts";
import type { Machine } from "../machine.ts";
import { machineLines } from "../machine.ts";
import type { ScenarioReport } from "../report.ts";
import { problemsOf } from "../results.ts";
import { table } from "../table.ts";
import type { Column } from "./columns.ts";
import { COLUMNS, lostBy, medianIn, ratioIn } from "./columns.ts";
import type { Panel } from "./picture.ts";
import { picture } from "./picture.ts";
import { OURS } from "./scenarios.ts";

/** A whole run next to the peers. */
export interface PeersReport {
  readonly command: string;
  readonly date: string;
  readonly seconds: number;
  readonly roundCount: number;
  readonly machine: Machine;
  readonly loadBefore: number;
  /** Versions of the peers, by name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly contenders: readonly ContenderName[];
  /** Contenders that could not be installed here. */
  readonly leftOut: readonly ContenderName[];
  readonly scenarios: readonly ScenarioReport[];
}

/** Problems kept in the page of each contender in a scenario; the JSON has all. */
const SHOWN_PROBLEMS = 3;

/** True when nothing went wrong with Carillon or with the floor. What goes wrong with a peer is a result. */
export function isSound({ scenarios }: PeersReport): boolean {
  return scenarios.every(({ scenario, measurements }) => {
    const ours = new Map([...measurements].filter(([name]) => name === "bare" || OURS.includes(name)));
    return problemsOf(scenario, ours).length === 0;
  });
}

/** The run as Markdown: where, one table, and what went wrong. */
export function toMarkdown(report: PeersReport): string {
  const { command, date, seconds, roundCount, machine, loadBefore, versions } = report;
  const about = [
    `- Command: \`${command}\`, ${date}, ${Math.round(seconds)} s, ${roundCount} round${roundCount === 1 ? "" : "s"}`,
    ...machineLines(machine, loadBefore),
    `- Peers: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}`,
    ...(report.leftOut.length > 0 ? [`- Not to be had on this machine, left out: ${report.leftOut.join(", ")}`] : []),
  ].join("\n");
  const problems = report.scenarios.flatMap(problemLines);
  return [about, peersTable(report), ...(problems.length > 0 ? [problems.join("\n")] : [])].join("\n\n");
}

/** The run for programs: every measurement of every round. */
export function toJson(report: PeersReport): string {
  const scenarios = report.scenarios.map(({ scenario, measurements }) => ({
    name: scenario.name,
    title: scenario.title,
    contenders: Object.fromEntries(measurements),
    problems: problemsOf(scenario, measurements),
  }));
  return `${JSON.stringify({ ...report, scenarios }, null, 2)}\n`;
}

/** The run as a picture. */
export function toPicture({ contenders, scenarios, date }: PeersReport): string {
  const panels: Panel[] = COLUMNS.flatMap((column) => {
    if (column.panel === null) return [];
    const bars = contenders.map((name) => {
      const value = medianIn(scenarios, name, column);
      return { name, value, text: numberText(value, column.digits), isOurs: OURS.includes(name) };
    });
    return [{ title: column.panel, bars }];
  });
  return picture(`Carillon beside its peers, ${date}: shorter bars are better`, panels);
}

function peersTable({ contenders, scenarios }: PeersReport): string {
  const rows = contenders.map((name) => [
    name,
    ...COLUMNS.map((column) => cell(scenarios, name, column)),
    numberText(lostBy(scenarios, name), 0),
  ]);
  return table(["medians (× bare)", ...COLUMNS.map(({ title }) => title), "lost"], rows);
}

function cell(scenarios: readonly ScenarioReport[], name: ContenderName, column: Column): string {
  const text = numberText(medianIn(scenarios, name, column), column.digits);
  const ratio = column.isRatio ? ratioIn(scenarios, name, column) : Number.NaN;
  return Number.isNaN(ratio) ? text : `${text} (${ratio.toFixed(ratio < 10 ? 1 : 0)}×)`;
}

function problemLines({ scenario, measurements }: ScenarioReport): string[] {
  return [...measurements].flatMap(([name, ofContender]) => {
    const problems = problemsOf(scenario, new Map([[name, ofContender]]));
    const shown = problems.slice(0, SHOWN_PROBLEMS).map((problem) => `- **Wrong**: ${problem}`);
    const rest = problems.length - shown.length;
    return rest > 0 ? [...shown, `- **Wrong**: ${scenario.name}, ${name}: ${rest} more of the kind`] : shown;
  });
}

function numberText(value: number, digits: number): string {
  if (!Number.isFinite(value)) return "–";
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
