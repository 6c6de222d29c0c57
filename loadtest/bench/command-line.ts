const ALL_GOOD = 0;
const MISSED = 1;
const TROUBLE = 2;
const INTERRUPTED = 130;

/** Says to whoever runs a command why there is nothing to tell, and what to do. Shown without where it was thrown. */
export class CommandError extends Error {
  override readonly name: string = "CommandError";
}

/** One of the bench's commands. */
export interface Command<Options extends { readonly wantsHelp: boolean }> {
  readonly usage: string;
  /** Reads the arguments. Throws with a sentence for the user when it can't understand them. */
  readonly read: (args: readonly string[]) => Options;
  /** Does it; false when what it came to is not good enough. `args`: as they were given. */
  readonly run: (options: Options, args: readonly string[]) => Promise<boolean>;
}

/**
 * Runs a command with the arguments of this process, whose exit code it sets: 0 all is good, 1 it is not good enough, 2 there
 * is nothing to tell, or the arguments can't be understood. A signal exits with 130, so that what is to be stopped on exit is stopped.
 */
export async function runCommand<Options extends { readonly wantsHelp: boolean }>({
  usage,
  read,
  run,
}: Command<Options>): Promise<void> {
  // By default a signal ends this process only, and would leave behind what it has started.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(INTERRUPTED));
  const args = process.argv.slice(2);
  let options: Options;
  try {
    options = read(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exitCode = TROUBLE;
    return;
  }
  if (options.wantsHelp) {
    console.log(usage);
    return;
  }
  try {
    process.exitCode = (await run(options, args)) ? ALL_GOOD : MISSED;
  } catch (error) {
    console.error(error instanceof CommandError ? error.message : error);
    process.exitCode = TROUBLE;
  }
}

/** A command as somebody would type it. */
export function commandText(target: string, args: readonly string[]): string {
  return [`make ${target}`, ...(args.length > 0 ? [`ARGS="${args.join(" ")}"`] : [])].join(" ");
}
