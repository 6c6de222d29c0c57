import { htmlPage } from "./page.ts";
import type { Results, SummaryData } from "./results.ts";
import { resultsOf } from "./results.ts";
import type { LoadSettings } from "./settings.ts";
import type { Judged } from "./verdict.ts";
import { judge } from "./verdict.ts";

/** What a line of standard output begins with that holds the results of a process. */
export const RESULTS_MARK = "carillon-load-results ";

/** The results of one process, as they are handed on for a merged verdict. */
export interface ProcessReport {
  /** Of this process alone, so that a log that is there twice is counted once. */
  readonly process: string;
  readonly settings: LoadSettings;
  readonly results: Results;
}

/** The files that k6 writes at its end, by name; `stdout` is what it prints. */
export function summaryFiles(settings: LoadSettings, data: SummaryData): Record<string, string> {
  const results = resultsOf(data);
  const shown = withoutSecrets(settings);
  const process = `${Math.random()}`.slice(2);
  const report: ProcessReport = { settings: shown, results, process };
  const json = JSON.stringify(report);
  if (settings.processes > 1) {
    if (settings.report !== "") return { [settings.report]: `${json}\n` };
    // From a pod only what it prints comes out.
    return { stdout: `${RESULTS_MARK}${json}\n` };
  }
  const verdict = judge(settings, results);
  const lines = verdict.objectives.map(lineOf);
  const name = settings.report === "" ? `load-${settings.scenario}` : settings.report.replace(/\.(json|html)$/, "");
  return {
    stdout: `\n${lines.join("\n")}\n\n${verdict.text}\n`,
    [`${name}.json`]: `${JSON.stringify({ ...report, verdict }, null, 2)}\n`,
    [`${name}.html`]: htmlPage({ settings: shown, results, verdict, facts: [], timeline: [], parts: [] }),
  };
}

/** An objective and what was reached, as a line of text. */
export function lineOf({ title, reached, demanded, result }: Judged): string {
  const words = { met: "ok", missed: "MISSED", "not judged": "not judged" } as const;
  return `  ${words[result].padEnd(10)} ${title}: ${reached} (${demanded})`;
}

/** The settings as reports show them. */
export function withoutSecrets(settings: LoadSettings): LoadSettings {
  return { ...settings, secret: "", publishSecret: "" };
}
