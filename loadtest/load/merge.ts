/** Judges what several processes of k6 told, such as the logs of pods, as one: `node merge.js FILE …`. Exit codes as those of `make load`. */
import { readFile, writeFile } from "node:fs/promises";
import { htmlPage } from "../k6/lib/page.ts";
import { mergeResults } from "../k6/lib/results.ts";
import { lineOf } from "../k6/lib/summary.ts";
import { judge } from "../k6/lib/verdict.ts";
import { reportsIn } from "./process-reports.ts";

const EXIT_CODES = { passed: 0, failed: 1, generator: 3 } as const;
const USAGE_ERROR = 2;

process.exitCode = await main(process.argv.slice(2));

async function main(files: readonly string[]): Promise<number> {
  let texts: readonly string[];
  try {
    texts = await Promise.all(files.map(async (file) => await readFile(file, "utf8")));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}: LOGS must name the logs of all pods.`);
    return USAGE_ERROR;
  }
  const reports = reportsIn(texts.join("\n"));
  const [first] = reports;
  if (first === undefined) {
    console.error(
      'Usage: make load-verdict LOGS="FILE …". No file holds the results of a k6 process: give the logs of all pods, from their beginning.',
    );
    return USAGE_ERROR;
  }
  const { settings } = first;
  if (new Set(reports.map((each) => JSON.stringify({ ...each.settings, report: "" }))).size > 1) {
    console.error(
      "These are results of more than one run, or of processes with different settings: give the logs of one run, and the same settings to all pods.",
    );
    return USAGE_ERROR;
  }
  const results = mergeResults(reports.map((each) => each.results));
  const verdict = judge(settings, results, { processes: reports.length });
  for (const objective of verdict.objectives) console.log(lineOf(objective));
  const page = `load-${settings.scenario}.html`;
  await writeFile(page, htmlPage({ settings, results, verdict, facts: [], timeline: [], parts: [] }));
  console.log(`\n${verdict.text}\n\nReport: ${page}`);
  return EXIT_CODES[verdict.outcome];
}
