import { statSync } from "node:fs";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { openFileLimit } from "./open-file-limit.ts";

/** Finer ones would wake an idle process more often than they tell. */
const RESOLUTION_MS = 20;

const NANOSECONDS_PER_MS = 1e6;

/** Linux tells the number of open files as the size of this folder, since 6.2. */
const FILES_FOLDER = "/proc/self/fd";

/** How much this process does and uses. What isn't known, or has no limit, is 0. */
export interface ProcessLoadReading {
  readonly lagMs: number;
  readonly memoryBytes: number;
  readonly memoryShare: number;
  readonly fileShare: number;
}

/** Measures this process: the lag of its loop, its memory and its open files. A reading takes some 50 µs. */
export class ProcessLoad {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #memoryLimitBytes = containerLimitBytes();
  readonly #fileLimit = openFileLimit();

  constructor() {
    this.#delays.enable();
  }

  /** What it is like since the last reading. */
  read(): ProcessLoadReading {
    const lagMs = lagOf(this.#delays);
    this.#delays.reset();
    const memoryBytes = process.memoryUsage.rss();
    const { used_heap_size: heapBytes, heap_size_limit: heapLimitBytes } = getHeapStatistics();
    const ofContainer = this.#memoryLimitBytes === null ? 0 : memoryBytes / this.#memoryLimitBytes;
    return {
      lagMs,
      memoryBytes,
      memoryShare: Math.max(ofContainer, heapBytes / heapLimitBytes),
      fileShare: this.#fileLimit === null ? 0 : openFiles() / this.#fileLimit,
    };
  }

  /** Ends the measuring. */
  close(): void {
    this.#delays.disable();
  }
}

/**
 * How long the turn of the loop is in which an event falls that comes at any time, in ms. (The plain mean of all turns would hide a
 * pause of a second behind fifty short turns, though most events of that second waited for it.)
 */
export function lagOf({ mean, stddev }: Pick<IntervalHistogram, "mean" | "stddev">): number {
  // Nothing has been measured: a turn is under way since the last reading.
  if (!(mean > 0)) return 0;
  const turnMs = (mean + (Number.isNaN(stddev) ? 0 : stddev ** 2 / mean)) / NANOSECONDS_PER_MS;
  return Math.max(0, turnMs - RESOLUTION_MS);
}

/** The memory limit of the container; null where there is none. */
function containerLimitBytes(): number | null {
  const bytes = process.constrainedMemory();
  // Without a limit Node 20 answers with more than any machine has, later ones with 0.
  return bytes > 0 && bytes < Number.MAX_SAFE_INTEGER ? bytes : null;
}

function openFiles(): number {
  try {
    return statSync(FILES_FOLDER).size;
  } catch {
    // No Linux: then the limit is not known either.
    return 0;
  }
}
