import { BusUnavailableError } from "@carillon/core";
import { ConfigError, ListenError } from "@carillon/service";
import { EXIT_CODES } from "../exit-codes.ts";
import { WorkerStartError } from "../workers/worker.ts";

/** The command line asks for something that there isn't. The message says what there is. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The exit code for what broke a command off. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_CODES.usage;
  if (error instanceof ConfigError) return EXIT_CODES.config;
  if (error instanceof ListenError) return EXIT_CODES.system;
  if (error instanceof WorkerStartError) return error.exitCode;
  if (error instanceof BusUnavailableError) return EXIT_CODES.unavailable;
  return EXIT_CODES.failure;
}

/** What to tell a person about it: the message alone where it says what to do, the stack where it is a bug. */
export function explain(error: unknown): string {
  if (exitCodeOf(error) !== EXIT_CODES.failure) return `carillon: ${(error as Error).message}`;
  return `carillon: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
