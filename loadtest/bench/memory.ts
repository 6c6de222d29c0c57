import { setTimeout as delay } from "node:timers/promises";
import type { RunningContender } from "./contender.ts";
import { collectGarbage } from "./garbage-collector.ts";
import { readResidentKib } from "./process-usage.ts";

/** Memory counts as settled when two readings this far apart agree within {@link SETTLED_KIB}. */
const SETTLE_STEP_MS = 500;
const SETTLE_DEADLINE_MS = 4_000;
const SETTLED_KIB = 128;

/** The gateway's resident memory when its work is done and its garbage is gone. */
export async function settledKib({ gateway, inspectorPort }: RunningContender): Promise<number> {
  const { pid } = gateway;
  await delay(SETTLE_STEP_MS);
  if (inspectorPort !== null) await collectGarbage(inspectorPort);
  let last = readResidentKib(pid);
  for (let waitedMs = 0; waitedMs < SETTLE_DEADLINE_MS; waitedMs += SETTLE_STEP_MS) {
    await delay(SETTLE_STEP_MS);
    const now = readResidentKib(pid);
    if (Math.abs(now - last) <= SETTLED_KIB) return now;
    last = now;
  }
  return last;
}
