import type { ConfigProblem } from "./config-types.ts";

/** Codes of {@link ConfigError}. docs/configuration.md documents each; a test compares the two both ways. */
export const CONFIG_ERROR_CODES = ["config_unreadable", "config_syntax", "config_invalid"] as const;

/**
 * Why a configuration was refused: a file can't be read, its text is neither YAML nor JSON, or settings are wrong.
 */
export type ConfigErrorCode = (typeof CONFIG_ERROR_CODES)[number];

const MAX_PROBLEMS_IN_MESSAGE = 50;

/**
 * The configuration can't be used. `problems` has all of them at once; `message` is ready to be shown to the operator.
 * Neither contains the value of any setting.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code: ConfigErrorCode;
  readonly problems: readonly ConfigProblem[];
  // Private, so that it isn't logged with the rest: what stands behind `file:` may be anything.
  readonly #files: readonly string[];

  constructor(code: ConfigErrorCode, problems: readonly ConfigProblem[], files: readonly string[] = []) {
    super(describe(problems));
    this.code = code;
    this.problems = problems;
    this.#files = files;
  }

  /** Absolute paths of the files that it hangs on, also of those that are not there: another try is worth it when one changes. */
  get files(): readonly string[] {
    return this.#files;
  }

  /** The same, with the files that it hangs on. */
  withFiles(files: readonly string[]): ConfigError {
    return new ConfigError(this.code, this.problems, files);
  }
}

/** One line for one problem or warning: where, which setting, what is wrong. */
export function formatConfigProblem(problem: ConfigProblem): string {
  const subject = [problem.where, problem.path].filter((part) => part !== "").join(" ");
  return subject === "" ? problem.message : `${subject}: ${problem.message}`;
}

function describe(problems: readonly ConfigProblem[]): string {
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  const lines = problems.slice(0, MAX_PROBLEMS_IN_MESSAGE).map((problem) => `  ${formatConfigProblem(problem)}`);
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`  and ${more} more`);
  return `The configuration has ${count}:\n${lines.join("\n")}`;
}
