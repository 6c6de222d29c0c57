import { constants } from "node:os";
import type { Clock } from "@carillon/core";
import type { Logger } from "./logger.ts";
import { systemClock } from "./system-clock.ts";

/** Signals that ask a process to end. */
export type TerminationSignal = "SIGTERM" | "SIGINT";

/** What of a process the handling of signals needs; `process` itself is one. */
export interface SignalSource {
  on(signal: TerminationSignal, listener: () => void): unknown;
  off(signal: TerminationSignal, listener: () => void): unknown;
  exit(code: number): void;
}

/** What happens when the process hasn't ended in time: it says what it waits for, and exits. */
export interface OverdueOptions {
  /** From the first signal on, in ms. */
  readonly withinMs: number;
  readonly exitCode: number;
  /** What it waits for. */
  readonly stage: () => string;
  /** The platform's when absent. */
  readonly clock?: Clock;
}

/** How a process ends when it is asked to. */
export interface TerminationOptions {
  /** Which signals count; SIGTERM (from an orchestrator) and SIGINT (Ctrl-C) when absent. */
  readonly signals?: readonly TerminationSignal[];
  /**
   * Ends the process's work in good order. Called once, on the first signal. When it resolves, the process is left to exit by
   * itself, with code 0; when it rejects, the process logs that and exits with 1.
   */
  readonly drain: (signal: TerminationSignal) => Promise<void>;
  /** When to give up, and how. Absent: never. */
  readonly overdue?: OverdueOptions;
  readonly log: Logger;
  /** The process itself when absent. */
  readonly source?: SignalSource;
}

/** Shells report a process that a signal ended as this plus the signal's number. */
const SIGNAL_EXIT_BASE = 128;

/**
 * Drains on the first signal and exits at once on the second, with 128 + the signal's number (143 or 130): who asks twice
 * doesn't want to wait. Returns the act that ends the listening.
 */
export function onTermination(options: TerminationOptions): () => void {
  const { drain, log, overdue, signals = ["SIGTERM", "SIGINT"], source = process } = options;
  let isDraining = false;
  const onSignal = (signal: TerminationSignal): void => {
    if (isDraining) {
      log.warn("exit_forced", { signal });
      source.exit(SIGNAL_EXIT_BASE + constants.signals[signal]);
      return;
    }
    isDraining = true;
    log.info("termination_requested", { signal });
    if (overdue !== undefined) exitWhenOverdue(overdue, log, source);
    drain(signal).catch((error: unknown) => {
      log.error("drain_failed", { error });
      source.exit(1);
    });
  };
  const listeners = signals.map((signal) => ({ signal, listener: () => onSignal(signal) }));
  for (const { signal, listener } of listeners) source.on(signal, listener);
  return () => {
    for (const { signal, listener } of listeners) source.off(signal, listener);
  };
}

/**
 * Exits when the time is over, wherever the process stands then. Never cancelled, and it keeps no process alive: it also ends one that
 * has done everything and doesn't go.
 */
export function exitWhenOverdue(overdue: OverdueOptions, log: Logger, source: Pick<SignalSource, "exit">): void {
  const { clock = systemClock, exitCode, stage, withinMs } = overdue;
  clock.after(withinMs, () => {
    log.error("stop_overdue", { withinMs, stage: stage() });
    source.exit(exitCode);
  });
}
