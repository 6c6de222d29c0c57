import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CommandError } from "../bench/command-line.ts";
import { git } from "./git.ts";
import { linkModules } from "./linked-modules.ts";

const run = promisify(execFile);

const LOCK_FILE = "package-lock.json";
/** Lines of a failed command that are shown. */
const SHOWN_LINES = 20;

/** What to check out, and of which repository. */
export interface BaseCheckoutOptions {
  /** A checkout with its packages installed. */
  readonly root: string;
  readonly commit: string;
  /** Folders of the packages to build, with all that they need. Those that the commit doesn't have are left out. */
  readonly projects: readonly string[];
}

/** Another commit of the repository in a folder of its own, built; until it is let go of, or the process ends. */
export class BaseCheckout {
  readonly root: string;
  readonly #repository: string;
  readonly #folder: string;
  readonly #onExit = (): void => this.#remove();

  private constructor(repository: string) {
    this.#repository = repository;
    this.#folder = mkdtempSync(join(tmpdir(), "carillon-bench-gate-"));
    this.root = join(this.#folder, "base");
    process.once("exit", this.#onExit);
  }

  /** Checks out, installs and builds. Rejects with the last lines of what failed. */
  static async create({ root, commit, projects }: BaseCheckoutOptions): Promise<BaseCheckout> {
    const checkout = new BaseCheckout(root);
    try {
      await git(root, "worktree", "add", "--detach", checkout.root, commit);
      await checkout.#install();
      await checkout.#build(projects);
      return checkout;
    } catch (error) {
      checkout[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#onExit);
    this.#remove();
  }

  async #install(): Promise<void> {
    const own = await readFile(join(this.#repository, LOCK_FILE), "utf8");
    const isSame = own === (await readFile(join(this.root, LOCK_FILE), "utf8"));
    if (isSame && existsSync(join(this.#repository, "node_modules"))) await linkModules(this.#repository, this.root);
    else await this.#command("npm", ["ci", "--no-audit", "--no-fund"]);
  }

  async #build(projects: readonly string[]): Promise<void> {
    const present = projects.filter((project) => existsSync(join(this.root, project)));
    if (present.length === 0) return;
    await this.#command(process.execPath, [join(this.root, "node_modules/typescript/bin/tsc"), "-b", ...present]);
  }

  async #command(command: string, args: readonly string[]): Promise<void> {
    try {
      await run(command, [...args], { cwd: this.root, maxBuffer: 64 * 1024 * 1024 });
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { readonly stdout?: string; readonly stderr?: string };
      const lines = `${stdout}${stderr}`.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
      throw new CommandError(`the base could not be built: ${command} ${args.join(" ")} failed\n${lines}`, {
        cause: error,
      });
    }
  }

  /** Synchronous, for it is done as the process exits, too. */
  #remove(): void {
    try {
      execFileSync("git", ["worktree", "remove", "--force", this.root], { cwd: this.#repository, stdio: "ignore" });
    } catch {
      // It was not added yet, or not in full: the folder goes all the same.
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
