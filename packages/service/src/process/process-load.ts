import { statSync } from "node:fs";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock } from "@carillon/core";
import { LoopLag } from "./loop-lag.ts";
import { MemoryInUse } from "./memory-in-use.ts";
import { openFileLimit } from "./open-file-limit.ts";

/** Linux tells the number of open files as the size of this folder, since 6.2. */
const FILES_FOLDER = "/proc/self/fd";

/** How much this process does and uses. What isn't known, or has no limit, is 0. */
export interface ProcessLoadReading {
  readonly lagMs: number;
  /** In use: see {@link MemoryInUse}. */
  readonly memoryBytes: number;
  readonly memoryShare: number;
  readonly fileShare: number;
}

/** Measures this process: the lag of its loop, its memory and its open files. A reading takes some 50 µs. */
export class ProcessLoad {
  readonly #lag: LoopLag;
  readonly #memory = new MemoryInUse();
  readonly #memoryLimitBytes: number | null;
  readonly #fileLimit = openFileLimit();

  /** `processes`: how many like this one share the container. */
  constructor(clock: Clock, processes: number) {
    this.#lag = new LoopLag(clock);
    const limitBytes = containerLimitBytes();
    this.#memoryLimitBytes = limitBytes === null ? null : limitBytes / processes;
  }

  /** What it is like since the last reading. */
  read(): ProcessLoadReading {
    const { rss, heapTotal, arrayBuffers } = process.memoryUsage();
    const memoryBytes = this.#memory.note(rss, heapTotal + arrayBuffers);
    const { used_heap_size: heapBytes, heap_size_limit: heapLimitBytes } = getHeapStatistics();
    const ofContainer = this.#memoryLimitBytes === null ? 0 : memoryBytes / this.#memoryLimitBytes;
    return {
      lagMs: this.#lag.read(),
      memoryBytes,
      memoryShare: Math.max(ofContainer, heapBytes / heapLimitBytes),
      fileShare: this.#fileLimit === null ? 0 : openFiles() / this.#fileLimit,
    };
  }

  /** Lets go of what nothing holds any more, which a process that does little would keep for long. Holds up the loop for some 100 ms. */
  reclaim(): void {
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
  }

  /** Ends the measuring. */
  close(): void {
    this.#lag.close();
  }
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
