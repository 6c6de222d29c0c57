import { parseArgs } from "node:util";
import type { ContenderName } from "../contender.ts";
import type { Scenario } from "../scenario.ts";
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
export interface PeersOptions {
  readonly rounds: number;
  /** Factor on measuring times. */
  readonly duration: number;
  readonly scenarios: readonly Scenario[];
  readonly contenders: readonly ContenderName[];
  readonly jsonFile: string | null;
  readonly writesDocs: boolean;
  readonly wantsHelp: boolean;
}

/** Reads the command line. Throws with a sentence for the user when it can't be understood. */
export function readPeersOptions(args: readonly string[]): PeersOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      only: { type: "string" },
      contenders: { type: "string" },
      json: { type: "string" },
      "write-docs": { type: "boolean", default: false },
      "no-docs": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const rounds = values.rounds === undefined ? (values.quick ? 1 : 3) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds must be a whole number from 1, not ${values.rounds}`);
  const isFull = [values.quick, values.only, values.contenders].every((value) => !value) && rounds >= 3;
  const contenders = values.contenders?.split(",").map((name) => named("contender", name, CONTENDERS_BY_NAME));
  return {
    rounds,
    duration: values.quick ? 0.5 : 1,
    scenarios: values.only?.split(",").map((name) => named("scenario", name, SCENARIOS_BY_NAME)) ?? PEER_SCENARIOS,
    // Ratios are to the floor, so it always takes part.
    contenders: contenders === undefined ? PEER_CONTENDERS : [...new Set<ContenderName>(["bare", ...contenders])],
    jsonFile: values.json ?? null,
    writesDocs: !values["no-docs"] && (values["write-docs"] || isFull),
    wantsHelp: values.help,
  };
}

const SCENARIOS_BY_NAME = new Map(PEER_SCENARIOS.map((scenario) => [scenario.name, scenario]));
const CONTENDERS_BY_NAME = new Map<string, ContenderName>(PEER_CONTENDERS.map((name) => [name, name]));

function named<T>(kind: string, name: string, among: ReadonlyMap<string, T>): T {
  const found = among.get(name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}; there are ${[...among.keys()].join(", ")}`);
  return found;
}
