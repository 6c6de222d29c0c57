/** Compares the hot paths of the working tree with those of an earlier commit. `--help` says how; docs/benchmarks.md says more. */
import { writeFile } from "node:fs/promises";
import { runCommand } from "../bench/command-line.ts";
import { REPOSITORY } from "../bench/repository.ts";
import { findBase } from "./base.ts";
import { BaseCheckout } from "./base-checkout.ts";
import { projectsOf } from "./benchmarks.ts";
import { runGate } from "./gate.ts";
import type { GateOptions } from "./options.ts";
import { readOptions, USAGE } from "./options.ts";
import { conclusion, type GateReport, toJson, toMarkdown } from "./report.ts";
import { isPassed } from "./verdict.ts";

await runCommand({ usage: USAGE, read: readOptions, run: compareWithBase });

async function compareWithBase({ base: name, names, limit, jsonFile, ...effort }: GateOptions): Promise<boolean> {
  const began = performance.now();
  const base = await findBase(REPOSITORY, name);
  tell(`building the base, ${base.commit.slice(0, 12)}: ${base.origin}`);
  using checkout = await BaseCheckout.create({ root: REPOSITORY, commit: base.commit, projects: projectsOf(names) });
  const checkouts = { base: checkout.root, tree: REPOSITORY };
  const verdicts = await runGate({ names, checkouts, effort, limit, tell });
  const report: GateReport = { base, limit, seconds: (performance.now() - began) / 1000, verdicts };
  console.log(`\n${toMarkdown(report)}\n\n${conclusion(report)}`);
  if (jsonFile !== null) await writeFile(jsonFile, toJson(report));
  return isPassed(verdicts);
}

/** What is said on the way stands apart from the result. */
function tell(text: string): void {
  console.error(text);
}
