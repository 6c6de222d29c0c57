import { parseArgs } from "node:util";
import type { ContenderName } from "./contender.ts";
import { CONTENDERS } from "./contender.ts";

/** How to use the bench. */
export const USAGE = `Usage: make bench [ARGS="…"], or: node loadtest/dist/bench/main.js [options]

  --quick             one round with shorter measurements; for a look, not for a judgement
  --rounds N          rounds (default 3)
  --only A,B          only these scenarios: paced, saturated, pusher, unicast, fallback, idle, connect, storm, history-r1,
                      history-r3, recovery-10, recovery-100, recovery-storm
  --contenders A,B    only these contenders: ${CONTENDERS.join(", ")}
  --json FILE         where to write all measurements (default loadtest/dist/bench-result.json)
  --write-docs        write the tables into docs/benchmarks.md (a full run does so by itself)
  --no-docs           don't
  --profile FOLDER    have every Node process under test write a CPU profile there (slows it down: no judgement)
  --help              this text`;

/** What the command line asks for. */
export interface BenchOptions {
  readonly rounds: number;
  /** Factor on measuring times. */
  readonly duration: number;
  /** Factor on numbers of clients, in those scenarios that are about very many. */
  readonly size: number;
  /** Names of scenarios; null for all. */
  readonly only: readonly string[] | null;
  readonly contenders: readonly ContenderName[];
  readonly jsonFile: string | null;
  readonly writesDocs: boolean;
  readonly profileFolder: string | null;
  readonly wantsHelp: boolean;
}

/** Reads the command line. Throws with a sentence for the user when it can't be understood. */
export function readOptions(args: readonly string[]): BenchOptions {
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
      profile: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const rounds = values.rounds === undefined ? (values.quick ? 1 : 3) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds must be a whole number from 1, not ${values.rounds}`);
  const isFull = [values.quick, values.only, values.contenders, values.profile].every((value) => !value) && rounds >= 3;
  return {
    rounds,
    duration: values.quick ? 0.5 : 1,
    size: values.quick ? 0.2 : 1,
    only: values.only?.split(",") ?? null,
    contenders: values.contenders === undefined ? CONTENDERS : values.contenders.split(",").map(contenderNamed),
    jsonFile: values.json ?? null,
    writesDocs: !values["no-docs"] && (values["write-docs"] || isFull),
    profileFolder: values.profile ?? null,
    wantsHelp: values.help,
  };
}

function contenderNamed(name: string): ContenderName {
  const found = CONTENDERS.find((contender) => contender === name);
  if (found === undefined) throw new Error(`there is no contender ${name}; there are ${CONTENDERS.join(", ")}`);
  return found;
}
