/** Resolves after `ms`. A run of chaos is about time passing; a test would wait for a condition instead. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
