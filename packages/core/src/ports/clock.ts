/** A timer that has been set. */
export interface Timer {
  /** Ends it; no effect once it has run. Idempotent. */
  cancel(): void;
}

/** Time, injected so that tests can own it. Nothing in core asks the platform for time. */
export interface Clock {
  /** Milliseconds since 1970. May jump; for stamps and for comparing with the times in tokens. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back; for measuring how long something takes. */
  monotonic(): number;
  /** Runs `task` once after `delayMs`. The timer alone doesn't keep a process alive. */
  after(delayMs: number, task: () => void): Timer;
  /** Runs `task` once when this turn of the event loop has done its reads and writes. Can't be cancelled. */
  afterTurn(task: () => void): void;
  /** Runs `task` every `periodMs` until cancelled. The timer alone doesn't keep a process alive. */
  every(periodMs: number, task: () => void): Timer;
}
