import type { Clock } from "./ports/clock.ts";
import type { Session } from "./session.ts";

/** How to drain a node. */
export interface DrainOptions {
  readonly clock: Clock;
  /** A number in [0, 1), for the order. */
  readonly random: () => number;
  /** Over how long the connections are closed, in ms; 0 closes all at once. */
  readonly spreadMs: number;
}

const SLICE_MS = 100;

/**
 * Asks all sessions to come back elsewhere, a slice each 100 ms in random order, so that the other nodes see a trickle and
 * not a wave. Resolves when every one has been asked.
 */
export async function drainSessions(sessions: readonly Session[], options: DrainOptions): Promise<void> {
  const waiting = shuffled(sessions, options.random);
  const slices = Math.max(1, Math.floor(options.spreadMs / SLICE_MS));
  const perSlice = Math.ceil(waiting.length / slices);
  while (waiting.length > 0) {
    for (const session of waiting.splice(0, perSlice)) session.end("drain");
    if (waiting.length > 0) await new Promise<void>((resolve) => options.clock.after(SLICE_MS, resolve));
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
