import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Machine } from "../bench/machine.ts";
import { machineLines } from "../bench/machine.ts";
import { table } from "../bench/table.ts";
import { TIMES } from "../k6/lib/objectives.ts";
import type { Moment, PagePart } from "../k6/lib/page.ts";
import { htmlPage } from "../k6/lib/page.ts";
import { planOf } from "../k6/lib/plan.ts";
import type { PublishFailure } from "../k6/lib/publish-outcome.ts";
import type { Results } from "../k6/lib/results.ts";
import { percentileOf } from "../k6/lib/results.ts";
import type { LoadSettings } from "../k6/lib/settings.ts";
import { withoutSecrets } from "../k6/lib/summary.ts";
import type { Verdict } from "../k6/lib/verdict.ts";
import type { PhaseMark } from "./recorder.ts";

/** Everything there is to report about a run. */
export interface LoadReport {
  readonly command: string;
  readonly date: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly loadBefore: number;
  /** Which settings were chosen for this machine; null where all are the usual ones or were given. */
  readonly plan: string | null;
  readonly k6: { readonly version: string; readonly processes: number };
  readonly settings: LoadSettings;
  readonly results: Results;
  readonly verdict: Verdict;
  readonly marks: readonly PhaseMark[];
  readonly timeline: readonly Moment[];
}

const PUBLISH_FAILURES = {
  publish_4xx: "refused: status 4xx, or one that a publish never has",
  publish_429: "refused: status 429, over a limit",
  publish_5xx: "refused: status 5xx",
  publish_unreachable: "nobody could be reached: refused, unknown or not trusted",
  publish_timeout: "no answer in time: the system, or a generator that had no processor for it",
  publish_cut_off:
    "the connection ended without an answer: the system, or a generator too late to notice that an idle one was closed",
} as const satisfies Readonly<Record<PublishFailure, string>>;

/** In which forms a report can be had. */
export type ReportForm = "md" | "json" | "html";

/** Where to write a report. */
export interface ReportPlace {
  readonly folder: string;
  /** Of the files, without ending. */
  readonly name: string;
  readonly forms: readonly ReportForm[];
}

/** Writes a report. Returns the paths of its files. */
export async function writeReport(
  report: LoadReport,
  { folder, name, forms }: ReportPlace,
): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const paths = [];
  for (const form of forms) {
    const path = join(folder, `${name}.${form}`);
    await writeFile(path, contentOf(report, form));
    paths.push(path);
  }
  return paths;
}

function contentOf(report: LoadReport, form: ReportForm): string {
  if (form === "md") return toMarkdown(report);
  if (form === "json") return toJson(report);
  const { results, verdict, timeline } = report;
  const settings = withoutSecrets(report.settings);
  return htmlPage({ settings, results, verdict, facts: factsOf(report), timeline, parts: partsOf(report) });
}

/** The run as Markdown. */
function toMarkdown(report: LoadReport): string {
  const { settings, verdict } = report;
  const title = `# Load test: ${settings.scenario}, ${settings.clients.toLocaleString("en-US")} clients`;
  const objectives = verdict.objectives.map(({ title: name, reached, demanded, result }) => [
    name,
    reached,
    demanded,
    result === "met" ? result : `**${result}**`,
  ]);
  const sections = [
    { title: "Objectives", head: ["objective", "reached", "demanded", ""], rows: objectives },
    ...partsOf(report),
  ].map(({ title: name, head, rows }) => `## ${name}\n\n${table(head, rows)}`);
  const facts = factsOf(report).map((fact) => `- ${fact}`);
  return `${[title, `**${verdict.text}**`, facts.join("\n"), ...sections].join("\n\n")}\n`;
}

/** The run for programs. */
function toJson(report: LoadReport): string {
  const marks = report.marks.map(({ usage, ...mark }) => ({ ...mark, usage: Object.fromEntries(usage) }));
  const settings = { ...withoutSecrets(report.settings), report: "" };
  return `${JSON.stringify({ ...report, settings, marks })}\n`;
}

function factsOf({ command, date, seconds, machine, loadBefore, k6, settings, plan }: LoadReport): readonly string[] {
  const gateways = settings.urls.length;
  return [
    `Command: \`${command}\`, ${date}, ${Math.round(seconds)} s`,
    ...(plan === null ? [] : [plan]),
    `${gateways} gateway address${gateways === 1 ? "" : "es"}, ${k6.processes} process${k6.processes === 1 ? "" : "es"} of k6 with ${settings.virtualUsers} threads`,
    ...machineLines(machine, loadBefore).map((line) => line.replace(/^- /, "")),
    `k6 ${k6.version}`,
  ];
}

function partsOf(report: LoadReport): readonly PagePart[] {
  return [timesPart(report), ...publishesParts(report), ...usageParts(report)];
}

function timesPart({ results }: LoadReport): PagePart {
  const rows = TIMES.flatMap((time) => {
    const values = [0.5, 0.95, 0.99, 1].map((share) => percentileOf(results, time, share));
    return values.every((value) => value === null)
      ? []
      : [[time.replace("_ms", "").replaceAll("_", " "), ...values.map(String)]];
  });
  return { title: "Times in ms", head: ["", "p50", "p95", "p99", "longest"], rows };
}

/** Why publishes failed. Nothing where none did. */
function publishesParts({ results: { counts } }: LoadReport): readonly PagePart[] {
  const rows = Object.entries(PUBLISH_FAILURES).flatMap(([name, words]) => {
    const count = counts[name as PublishFailure];
    return count === 0 ? [] : [[words, String(count)]];
  });
  return rows.length === 0 ? [] : [{ title: "Publishes that failed", head: ["why", "count"], rows }];
}

/** Memory of each role with everybody connected, and processor time of each phase. Nothing where all of it ran elsewhere. */
function usageParts({ marks, settings }: LoadReport): readonly PagePart[] {
  const [first, ...later] = marks;
  const [connected] = later;
  if (first === undefined || connected === undefined) return [];
  const roles = [...first.usage.keys()];
  const memory = roles.map((role) => {
    const [before, after] = [first.usage.get(role)?.residentKib ?? 0, connected.usage.get(role)?.residentKib ?? 0];
    const most = Math.max(...marks.map(({ usage }) => usage.get(role)?.residentKib ?? 0));
    const count = first.usage.get(role)?.processes ?? 0;
    const perClient = (after - before) / settings.clients;
    return [`${role} × ${count}`, mib(before), mib(after), perClient.toFixed(2), mib(most)];
  });
  const names = ["connecting", ...planOf(settings).map(({ name }) => name)];
  const cpu = marks.slice(0, -1).map((mark, index) => {
    const next = marks[index + 1] ?? mark;
    const seconds = (next.atMs - mark.atMs) / 1_000;
    const used = roles.map((role) =>
      (((next.usage.get(role)?.cpuMs ?? 0) - (mark.usage.get(role)?.cpuMs ?? 0)) / 1_000).toFixed(2),
    );
    return [`${mark.phase === 0 ? "" : `${mark.phase} `}${names[mark.phase] ?? ""}`, seconds.toFixed(1), ...used];
  });
  return [
    {
      title: "Resident memory",
      head: ["processes", "MiB before", "MiB connected", "KiB per client", "MiB at most"],
      rows: memory,
    },
    { title: "Processor seconds", head: ["phase", "lasted, s", ...roles], rows: cpu },
  ];
}

function mib(kib: number): string {
  return Math.round(kib / 1024).toLocaleString("en-US");
}
