/** Exit codes of the command line, those of sysexits.h where it has one. docs/cli.md lists them. */
export const EXIT_CODES = {
  /** Done; for a server: drained and closed after SIGTERM or SIGINT. */
  ok: 0,
  /** A failure that has no code of its own. */
  failure: 1,
  /** The command line was wrong. */
  usage: 64,
  /** NATS could not be reached at the start. */
  unavailable: 69,
  /** The operating system refused: a port is in use. */
  system: 71,
  /** It was asked to end, and some part of it did not in time. */
  overdue: 75,
  /** The configuration was wrong. */
  config: 78,
} as const;
