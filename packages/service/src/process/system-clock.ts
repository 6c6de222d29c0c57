import type { Clock, Timer } from "@carillon/core";

/** The platform's time. Its timers are unref'ed: none of them alone keeps a process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, task) => asTimer(setTimeout(task, delayMs)),
  afterTurn: (task) => void setImmediate(task),
  every: (periodMs, task) => asTimer(setInterval(task, periodMs)),
};

function asTimer(timeout: NodeJS.Timeout): Timer {
  timeout.unref();
  // clearTimeout ends intervals as well, and doesn't mind a timer that has run.
  return { cancel: () => clearTimeout(timeout) };
}
