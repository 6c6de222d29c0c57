import type { Clock } from "./ports/clock.ts";

/** How to pace acts. */
export interface PaceOptions {
  readonly clock: Clock;
  /** A number in [0, 1), for the order and the moments. */
  readonly random: () => number;
  /** Over how long the acts are spread at most, in ms; 0 does all of them at once. */
  readonly spreadMs: number;
}

/** Few acts don't take the whole time: they come so close to each other, in ms. */
const LONGEST_STEP_MS = 100;

/** Timers closer than this would only be late, in ms. */
const SHORTEST_WAIT_MS = 5;

/**
 * Does `act` once with each item, in random order: one in each equal part of the time, at a moment of its own within it. Others
 * see a trickle, and no rhythm that clients could fall into. A loop that was held up catches up: the end is kept, not
 * the distance. Resolves when all are done.
 */
export async function paced<T>(items: readonly T[], act: (item: T) => void, options: PaceOptions): Promise<void> {
  const { clock, random, spreadMs } = options;
  const waiting = shuffled(items, random);
  const stepMs = Math.min(LONGEST_STEP_MS, spreadMs / waiting.length);
  const beganAtMs = clock.monotonic();
  let dueMs = random() * stepMs;
  for (const [index, item] of waiting.entries()) {
    const leftMs = dueMs - (clock.monotonic() - beganAtMs);
    // Whoever falls due before a timer could run goes along with the one before.
    if (leftMs >= SHORTEST_WAIT_MS) await new Promise<void>((resolve) => void clock.after(leftMs, resolve));
    act(item);
    dueMs = (index + 1 + random()) * stepMs;
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
