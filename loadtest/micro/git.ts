import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Runs git in a checkout; resolves with what it printed, without the last line's end. Rejects when it fails. */
export async function git(root: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("git", [...args], { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  return stdout.trimEnd();
}

/** The commit that a name leads to; null when there is none. */
export async function commitOf(root: string, name: string): Promise<string | null> {
  try {
    return await git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`);
  } catch {
    // That is how git says that it knows no such commit.
    return null;
  }
}
