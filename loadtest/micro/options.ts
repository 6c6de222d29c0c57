import { parseArgs } from "node:util";
import { GROUPS, namesOf } from "./benchmarks.ts";

/** How to use the gate. */
export const USAGE = `Usage: make bench-gate [ARGS="…"], or: node loadtest/dist/micro/main.js [options]

  --base COMMIT     what to compare with (default: the last commit in common with origin/main, or main)
  --only A,B        only these groups: ${GROUPS.join(", ")}
  --limit X         the largest ratio that is fine (default 1.1: a tenth slower)
  --pairs N         pairs of processes (default 4)
  --rounds N        rounds of each pair for each benchmark (default 8)
  --json FILE       where to write all measurements
  --planted X       do X times the work in the working tree, to see the gate fail
  --help            this text

Exit code: 0 nothing is slower, 1 something is, 2 it could not be told.`;

/** What the command line asks for. */
export interface GateOptions {
  /** Name of a commit; null: the one that it began from. */
  readonly base: string | null;
  /** Names of benchmarks. */
  readonly names: readonly string[];
  readonly limit: number;
  readonly pairs: number;
  readonly rounds: number;
  readonly planted: number;
  readonly jsonFile: string | null;
  readonly wantsHelp: boolean;
}

/** Reads the command line. Throws with a sentence for the user when it can't be understood. */
export function readOptions(args: readonly string[]): GateOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      base: { type: "string" },
      only: { type: "string" },
      limit: { type: "string", default: "1.1" },
      pairs: { type: "string", default: "4" },
      rounds: { type: "string", default: "8" },
      planted: { type: "string", default: "1" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  return {
    base: values.base ?? null,
    names: namesOf(values.only?.split(",") ?? null),
    limit: atLeastOne("--limit", values.limit, "a ratio from 1, such as 1.1"),
    pairs: wholeNumber("--pairs", values.pairs),
    rounds: wholeNumber("--rounds", values.rounds),
    planted: atLeastOne("--planted", values.planted, "a factor from 1, such as 1.5"),
    jsonFile: values.json ?? null,
    wantsHelp: values.help,
  };
}

function wholeNumber(name: string, text: string): number {
  const value = atLeastOne(name, text, "a whole number from 1");
  if (!Number.isInteger(value)) throw new Error(`${name} must be a whole number from 1, not ${text}`);
  return value;
}

function atLeastOne(name: string, text: string, expected: string): number {
  const value = text === "" ? Number.NaN : Number(text);
  if (!(value >= 1 && Number.isFinite(value)))
    throw new Error(`${name} must be ${expected}, not ${JSON.stringify(text)}`);
  return value;
}
