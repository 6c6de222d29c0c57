import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 2;

/** Waits until `isTrue` says so. Returns false when `deadlineMs` have passed before. */
export async function until(isTrue: () => boolean, deadlineMs: number): Promise<boolean> {
  const deadline = performance.now() + deadlineMs;
  while (!isTrue()) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}
