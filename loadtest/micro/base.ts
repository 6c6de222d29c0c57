import { CommandError } from "../bench/command-line.ts";
import { commitOf, git } from "./git.ts";

/** What the working tree is compared with. */
export interface Base {
  readonly commit: string;
  /** How it was found, in words. */
  readonly origin: string;
}

/** Says that there is nothing to compare with, and what to do. */
export class NoBaseError extends CommandError {
  override readonly name = "NoBaseError";
}

/** Where the main branch may be, the most reliable name first. */
const MAIN_BRANCHES = ["origin/main", "main"];

/**
 * Finds the commit that the checkout at `root` is compared with: `name` where one is given; else the last one that its HEAD has in
 * common with the main branch; where that is HEAD itself, the one before. Rejects with a NoBaseError when there is none.
 */
export async function findBase(root: string, name: string | null): Promise<Base> {
  if ((await commitOf(root, "HEAD")) === null) {
    throw new NoBaseError("this is no git checkout with a commit: the gate compares it with an earlier one");
  }
  if (name !== null) {
    const commit = await commitOf(root, name);
    if (commit === null) throw new NoBaseError(`there is no commit ${name}${await adviceFor(root)}`);
    return { commit, origin: `as --base ${name} says` };
  }
  return await findMergeBase(root);
}

async function findMergeBase(root: string): Promise<Base> {
  const head = await commitOf(root, "HEAD");
  for (const branch of MAIN_BRANCHES) {
    const main = await commitOf(root, branch);
    if (main === null) continue;
    // git fails where there is none.
    const common = await git(root, "merge-base", "HEAD", main).catch(() => null);
    if (common === null) throw new NoBaseError(`HEAD and ${branch} have no commit in common${await adviceFor(root)}`);
    if (common !== head) return { commit: common, origin: `the last commit in common with ${branch}` };
    const parent = await commitOf(root, "HEAD^");
    if (parent === null) throw new NoBaseError(`HEAD has no commit before it${await adviceFor(root)}`);
    return { commit: parent, origin: `the commit before HEAD, as ${branch} has HEAD too` };
  }
  const names = MAIN_BRANCHES.join(" nor ");
  throw new NoBaseError(`there is neither ${names}: fetch it (git fetch origin main), or name a base: --base COMMIT`);
}

/** What may help, as the end of a sentence. */
async function adviceFor(root: string): Promise<string> {
  const isShallow = (await git(root, "rev-parse", "--is-shallow-repository")) === "true";
  if (!isShallow) return ": name a base that there is: --base COMMIT";
  return (
    ", because this clone is shallow: fetch the rest of it (git fetch --unshallow origin; in GitHub Actions " +
    "fetch-depth: 0 of actions/checkout), or name a base that it has: --base COMMIT"
  );
}
