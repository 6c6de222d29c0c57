/** Measures Carillon next to bare parts. `--help` says how; docs/benchmarks.md says what the figures mean. */
import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { commandText, runCommand } from "./command-line.ts";
import { BENCHMARKS_PAGE, writeDocsPage } from "./docs-page.ts";
import { describeMachine } from "./machine.ts";
import type { BenchOptions } from "./options.ts";
import { readOptions, USAGE } from "./options.ts";
import type { RunReport } from "./report.ts";
import { conclusion, isPassed, toJson, toMarkdown } from "./report.ts";
import { REPOSITORY } from "./repository.ts";
import { measureAll } from "./rounds.ts";

await runCommand({ usage: USAGE, read: readOptions, run: bench });

async function bench(options: BenchOptions, args: readonly string[]): Promise<boolean> {
  const began = performance.now();
  const [loadBefore = 0] = loadavg();
  const measured = await measureAll(options.scenarios, options);
  const report: RunReport = {
    command: commandText("bench", args),
    date: new Date().toISOString().slice(0, 10),
    seconds: (performance.now() - began) / 1000,
    roundCount: options.rounds,
    machine: await describeMachine(),
    loadBefore,
    scenarios: measured,
  };
  const markdown = toMarkdown(report);
  console.log(`\n${markdown}\n`);
  await writeFile(options.jsonFile ?? join(REPOSITORY, "loadtest/dist/bench-result.json"), toJson(report));
  if (options.writesDocs) await writeDocsPage(BENCHMARKS_PAGE, markdown);
  console.log(conclusion(report));
  return isPassed(report);
}
