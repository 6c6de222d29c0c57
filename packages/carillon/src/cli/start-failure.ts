import { type ConfigRole, createLogger, type Logger } from "@carillon/service";
import { EXIT_CODES } from "../exit-codes.ts";
import { exitCodeOf, explain } from "./failures.ts";
import type { ServerFlags } from "./main.ts";

/** A start that may fail, and how that is to be told. */
export interface Starting {
  readonly role: ConfigRole;
  /** The configuration's once that is known. */
  format: "json" | "pretty";
}

/** Before the configuration is read, the flag, the variable or the role's default tells the format of the log. */
export function startingOf(
  role: ConfigRole,
  { logFormat = process.env["CARILLON_LOG_FORMAT"] }: ServerFlags,
): Starting {
  return { role, format: logFormat === "pretty" || (role === "dev" && logFormat !== "json") ? "pretty" : "json" };
}

/**
 * Says on the standard error why a server did not start, and sets the exit code: as a line of log, where whoever collects lines
 * reads it as it reads all others; as a text for a person at a terminal.
 */
export function tellStartFailure(error: unknown, { role, format }: Starting): void {
  const exitCode = exitCodeOf(error);
  process.exitCode = exitCode;
  if (format === "pretty" || process.stderr.isTTY) {
    process.stderr.write(`${explain(error)}\n`);
    return;
  }
  const log = createLogger({ format, level: "error", role, destination: process.stderr });
  const isBug = exitCode === EXIT_CODES.failure || !(error instanceof Error);
  log.error("start_failed", isBug ? { exitCode, error } : { exitCode, reason: error.message });
}

/** What nobody has caught ends the process, as ever, and is told as a line of log in place of Node's own text. */
export function tellCrashes(log: Logger): void {
  process.on("uncaughtException", (error) => {
    try {
      log.error("crashed", { error });
    } finally {
      process.exit(EXIT_CODES.failure);
    }
  });
}
