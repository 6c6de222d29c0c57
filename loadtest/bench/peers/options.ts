import { parseArgs } from "node:util";
import type { ContenderName } from "../contender.ts";
import type { Scenario } from "../scenario.ts";
import type { SharedOptions } from "../shared-options.ts";
import { chosen, chosenScenarios, readSharedOptions, SHARED_OPTIONS } from "../shared-options.ts";
import { PEER_CONTENDERS, PEER_SCENARIOS } from "./scenarios.ts";

/** How to use the comparison. */
export const USAGE = `Usage: make bench-peers [ARGS="…"], or: node loadtest/dist/bench/peers/main.js [options]

  --quick             one round with shorter measurements; for a look, not for a judgement
  --rounds N          rounds (default 3)
  --only A,B          only these scenarios: ${PEER_SCENARIOS.map(({ name }) => name).join(", ")}
  --contenders A,B    only these contenders, and bare: ${PEER_CONTENDERS.join(", ")}
  --json FILE         where to write all measurements (default loadtest/dist/peers-result.json)
  --write-docs        write table and picture into docs (a full run does so by itself)
  --no-docs           don't
  --help              this text`;

/** What the command line asks for. */
export interface PeersOptions extends SharedOptions {
  readonly scenarios: readonly Scenario[];
  readonly contenders: readonly ContenderName[];
}

const SCENARIOS_BY_NAME = new Map(PEER_SCENARIOS.map((scenario) => [scenario.name, scenario]));
const CONTENDERS_BY_NAME = new Map<string, ContenderName>(PEER_CONTENDERS.map((name) => [name, name]));

/** Reads the command line. Throws with a sentence for the user when it can't be understood. */
export function readPeersOptions(args: readonly string[]): PeersOptions {
  const { values } = parseArgs({ args: [...args], options: SHARED_OPTIONS });
  const contenders = chosen("contender", values.contenders, CONTENDERS_BY_NAME);
  return {
    ...readSharedOptions(values),
    scenarios: chosenScenarios(values.only, SCENARIOS_BY_NAME, contenders),
    // Ratios are to the floor, so it always takes part.
    contenders: [...new Set<ContenderName>(["bare", ...contenders])],
  };
}
