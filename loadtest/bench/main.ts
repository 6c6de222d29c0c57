/** Measures Carillon next to bare parts. `--help` says how; docs/benchmarks.md says what the figures mean. */
import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { BENCHMARKS_PAGE, writeDocsPage } from "./docs-page.ts";
import { describeMachine } from "./machine.ts";
import type { BenchOptions } from "./options.ts";
import { readOptions, USAGE } from "./options.ts";
import type { RunReport } from "./report.ts";
import { conclusion, isPassed, toJson, toMarkdown } from "./report.ts";
import { REPOSITORY } from "./repository.ts";
import { measureAll } from "./rounds.ts";
import type { Scenario } from "./scenario.ts";
import { connect } from "./scenarios/connect.ts";
import { fallback } from "./scenarios/fallback.ts";
import { paced, pusher, saturated } from "./scenarios/fan-out.ts";
import { historyR1, historyR3 } from "./scenarios/history-publish.ts";
import { idle } from "./scenarios/idle.ts";
import { recovery10, recovery100 } from "./scenarios/recovery.ts";
import { recoveryStorm } from "./scenarios/recovery-storm.ts";
import { storm } from "./scenarios/storm.ts";
import { unicast } from "./scenarios/unicast.ts";

const SCENARIOS: readonly Scenario[] = [
  paced,
  saturated,
  pusher,
  unicast,
  fallback,
  idle,
  connect,
  storm,
  historyR1,
  historyR3,
  recovery10,
  recovery100,
  recoveryStorm,
];

const ALL_GOOD = 0;
const MISSED = 1;
const USAGE_ERROR = 2;
const INTERRUPTED = 130;

// By default a signal ends this process only, and would leave the servers behind: they are stopped on exit.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(INTERRUPTED));
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: BenchOptions;
  let scenarios: readonly Scenario[];
  try {
    options = readOptions(args);
    scenarios = chosen(options.only);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return USAGE_ERROR;
  }
  if (options.wantsHelp) {
    console.log(USAGE);
    return ALL_GOOD;
  }
  const began = performance.now();
  const [loadBefore = 0] = loadavg();
  const measured = await measureAll(scenarios, options);
  const report: RunReport = {
    command: ["make bench", ...(args.length > 0 ? [`ARGS="${args.join(" ")}"`] : [])].join(" "),
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
  return isPassed(report) ? ALL_GOOD : MISSED;
}

function chosen(only: readonly string[] | null): readonly Scenario[] {
  if (only === null) return SCENARIOS;
  return only.map((name) => {
    const found = SCENARIOS.find((scenario) => scenario.name === name);
    if (found === undefined)
      throw new Error(`there is no scenario ${name}; there are ${SCENARIOS.map((each) => each.name).join(", ")}`);
    return found;
  });
}
