import type { Clock } from "../../src/index.ts";

/** The machine's own time, for what is tested against it. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  afterTurn: (task) => void setImmediate(task),
  every: (periodMs, task) => {
    const timer = setInterval(task, periodMs);
    return { cancel: () => clearInterval(timer) };
  },
};
