import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { REPOSITORY } from "../../image/files.ts";

const run = promisify(execFile);

export const DEPLOY = join(REPOSITORY, "deploy");

/** The path of a program of others, fetched where it is missing; rejects with what to do. */
export async function tool(name: string, ...args: string[]): Promise<string> {
  const script = join(REPOSITORY, `packages/testkit/tools/ensure-${name}.mjs`);
  return (await run(process.execPath, [script, ...args])).stdout.trim();
}

/** What a program said, and with what it ended. */
export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Runs a program to its end, whatever that is. */
export async function outcomeOf(
  file: string,
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly cwd?: string } = {},
): Promise<Outcome> {
  const { env = {}, cwd = DEPLOY } = options;
  try {
    const { stdout, stderr } = await run(file, [...args], {
      cwd,
      env: { ...process.env, ...env },
      maxBuffer: 10_000_000,
    });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: number | string; stdout?: string; stderr?: string };
    if (typeof code !== "number") throw error;
    return { code, output: stdout + stderr };
  }
}

/** A folder that goes when it is disposed of. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "carillon-deploy-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
