import { readFileSync } from "node:fs";

/** Linux writes a process's limits here: name, soft limit, hard limit, unit. */
const LIMITS_FILE = "/proc/self/limits";

/**
 * How many files and sockets this process may have open: the soft limit, Infinity when there is none, null where the system
 * doesn't tell (it only does on Linux). At the limit uWebSockets.js spins on a core, so connections are capped below it.
 */
export function openFileLimit(): number | null {
  let text: string;
  try {
    text = readFileSync(LIMITS_FILE, "utf8");
  } catch {
    // Not Linux, or /proc isn't mounted: the limit can't be known.
    return null;
  }
  return parseOpenFileLimit(text);
}

/** The soft limit in the text of Linux's `limits` file; null when it isn't there. */
export function parseOpenFileLimit(text: string): number | null {
  const soft = /^Max open files\s+(\d+|unlimited)\s/m.exec(text)?.[1];
  if (soft === undefined) return null;
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}
