import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Disposal } from "../bench/disposal.ts";

/** Makes a folder that goes with `stack`, and with this process where a signal ends that before. */
export async function temporaryFolder(name: string, stack: Disposal): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), name));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
