import type { ContenderName } from "./contender.ts";
import type { Scenario } from "./scenario.ts";

/** The options that comparisons of contenders have in common, for `parseArgs`. */
export const SHARED_OPTIONS = {
  quick: { type: "boolean", default: false },
  rounds: { type: "string" },
  only: { type: "string" },
  contenders: { type: "string" },
  json: { type: "string" },
  "write-docs": { type: "boolean", default: false },
  "no-docs": { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** What `parseArgs` makes of {@link SHARED_OPTIONS}. */
interface SharedValues {
  readonly quick: boolean;
  readonly rounds?: string | undefined;
  readonly only?: string | undefined;
  readonly contenders?: string | undefined;
  readonly json?: string | undefined;
  readonly "write-docs": boolean;
  readonly "no-docs": boolean;
  readonly help: boolean;
}

/** What they ask for. */
export interface SharedOptions {
  readonly rounds: number;
  /** Factor on measuring times. */
  readonly duration: number;
  readonly jsonFile: string | null;
  readonly writesDocs: boolean;
  readonly wantsHelp: boolean;
}

/**
 * Reads them. `isLimited`: something else makes it less than a full run. Throws with a sentence for the user when they can't be
 * understood.
 */
export function readSharedOptions(values: SharedValues, isLimited = false): SharedOptions {
  const rounds = values.rounds === undefined ? (values.quick ? 1 : 3) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds must be a whole number from 1, not ${values.rounds}`);
  const isFull = [values.quick, values.only, values.contenders, isLimited].every((value) => !value) && rounds >= 3;
  return {
    rounds,
    duration: values.quick ? 0.5 : 1,
    jsonFile: values.json ?? null,
    writesDocs: !values["no-docs"] && (values["write-docs"] || isFull),
    wantsHelp: values.help,
  };
}

/** Those among `all` that a list of names, with commas between, asks for; all of them without a list. Throws for an unknown one. */
export function chosen<Item>(kind: string, list: string | undefined, all: ReadonlyMap<string, Item>): readonly Item[] {
  if (list === undefined) return [...all.values()];
  return list.split(",").map((name) => {
    const found = all.get(name);
    if (found === undefined) throw new Error(`there is no ${kind} ${name}; there are ${[...all.keys()].join(", ")}`);
    return found;
  });
}

/**
 * The scenarios that a list of names asks for. Without a list all in which one of the contenders takes part; throws where one that the
 * list names has none of them, as nothing would be measured.
 */
export function chosenScenarios(
  list: string | undefined,
  all: ReadonlyMap<string, Scenario>,
  contenders: readonly ContenderName[],
): readonly Scenario[] {
  const scenarios = chosen("scenario", list, all);
  const isEmpty = (scenario: Scenario) => !contenders.some((name) => scenario.contenders.includes(name));
  const empty = list === undefined ? undefined : scenarios.find(isEmpty);
  if (empty !== undefined) {
    const there = empty.contenders.join(", ");
    throw new Error(`${contenders.join(" and ")} would not be measured in ${empty.name}; there are ${there}`);
  }
  return scenarios.filter((scenario) => !isEmpty(scenario));
}
