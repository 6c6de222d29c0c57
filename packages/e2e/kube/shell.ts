import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Text as one word of a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Runs lines of a shell, and stops at the first that fails. Resolves with what it printed; rejects with what it said. */
export async function shell(script: string): Promise<string> {
  try {
    const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const { stderr = "", stdout = "" } = error as { readonly stderr?: string; readonly stdout?: string };
    throw new Error(`${script.slice(0, 300)}\n${stderr.trim()}\n${stdout.trim()}`.trim(), { cause: error });
  }
}
