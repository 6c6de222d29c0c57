import { parseArgs } from "node:util";
import { SCENARIOS } from "./all-scenarios.ts";
import type { ContenderName } from "./contender.ts";
import type { Scenario } from "./scenario.ts";
import type { SharedOptions } from "./shared-options.ts";
import { chosen, chosenScenarios, readSharedOptions, SHARED_OPTIONS } from "./shared-options.ts";

/** Whoever takes part in a scenario of the bench. */
const CONTENDERS = [...new Set(SCENARIOS.flatMap(({ contenders }) => contenders))];

/** How to use the bench. */
export const USAGE = `Usage: make bench [ARGS="…"], or: node loadtest/dist/bench/main.js [options]

  --quick             one round with shorter measurements; for a look, not for a judgement
  --rounds N          rounds (default 3)
  --only A,B          only these scenarios: ${SCENARIOS.map(({ name }) => name).join(", ")}
  --contenders A,B    only these contenders: ${CONTENDERS.join(", ")}
  --json FILE         where to write all measurements (default loadtest/dist/bench-result.json)
  --write-docs        write the tables into docs/benchmarks.md (a full run does so by itself)
  --no-docs           don't
  --profile FOLDER    have every Node process under test write a CPU profile there (slows it down: no judgement)
  --help              this text`;

/** What the command line asks for. */
export interface BenchOptions extends SharedOptions {
  /** Factor on numbers of clients, in those scenarios that are about very many. */
  readonly size: number;
  readonly scenarios: readonly Scenario[];
  readonly contenders: readonly ContenderName[];
  readonly profileFolder: string | null;
}

const SCENARIOS_BY_NAME = new Map(SCENARIOS.map((scenario) => [scenario.name, scenario]));
const CONTENDERS_BY_NAME = new Map<string, ContenderName>(CONTENDERS.map((name) => [name, name]));

/** Reads the command line. Throws with a sentence for the user when it can't be understood. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({ args: [...args], options: { ...SHARED_OPTIONS, profile: { type: "string" } } });
  const contenders = chosen("contender", values.contenders, CONTENDERS_BY_NAME);
  return {
    ...readSharedOptions(values, values.profile !== undefined),
    size: values.quick ? 0.2 : 1,
    scenarios: chosenScenarios(values.only, SCENARIOS_BY_NAME, contenders),
    contenders,
    profileFolder: values.profile ?? null,
  };
}
