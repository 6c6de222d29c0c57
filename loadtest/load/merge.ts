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
  const texts = await Promise.all(files.map(async (file) => await readFile(file, "utf8")));
  const reports = reportsIn(texts.join("\n"));
  const [first] = reports;
  if (first === undefined) {
    console.error(
      'Usage: make load-verdict LOGS="FILE …". No file holds the results of a k6 process: give the logs of all pods, from their beginning.',
    );
    return USAGE_ERROR;
  }
  const { settings } = first;
  const results = mergeResults(reports.map((each) => each.results));
  const missing = settings.processes - reports.length;
  const verdict = judge(settings, results);
  for (const objective of verdict.objectives) console.log(lineOf(objective));
  if (missing !== 0) console.error(`The results of ${reports.length} of ${settings.processes} processes are here.`);
  const page = `load-${settings.scenario}.html`;
  await writeFile(page, htmlPage({ settings, results, verdict, facts: [], timeline: [], parts: [] }));
  console.log(`\n${verdict.text}\n\nReport: ${page}`);
  return missing !== 0 ? EXIT_CODES.failed : EXIT_CODES[verdict.outcome];
}
