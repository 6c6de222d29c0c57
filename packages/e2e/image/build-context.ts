import { createHash } from "node:crypto";
import { cp, lstat, mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import dockerignore from "@balena/dockerignore";

// Never in a context, and slow to walk through.
const SKIPPED = new Set(["node_modules", ".git"]);

/** The files that a build sees: those of a folder that its .dockerignore lets through. */
export class BuildContext {
  readonly #root: string;
  /** Relative paths, sorted. */
  readonly files: readonly string[];

  private constructor(root: string, files: readonly string[]) {
    this.#root = root;
    this.files = files;
  }

  static async read(root: string, ignoreFile: string): Promise<BuildContext> {
    // Its types say that it is a module with a default export, which as CommonJS it has as a member.
    const ignoring = dockerignore.default().add(await readFile(ignoreFile, "utf8"));
    const files: string[] = [];
    const walk = async (folder: string): Promise<void> => {
      for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
        if (SKIPPED.has(entry.name)) continue;
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory()) await walk(path);
        else if (entry.isFile() && !ignoring.ignores(path)) files.push(path);
      }
    };
    await walk("");
    return new BuildContext(root, files.sort());
  }

  /** Changes with any file. */
  async digest(): Promise<string> {
    const hash = createHash("sha256");
    for (const file of this.files) hash.update(`${file}\n`).update(await readFile(join(this.#root, file)));
    return hash.digest("hex");
  }

  /** Copies what is at `source` (a file or a folder, `.` for all) to `target`, as COPY does: of a folder, what is in it. */
  async copy(source: string, target: string): Promise<void> {
    const below = source === "." ? "" : `${source.replace(/\/$/, "")}/`;
    const isFolder = below === "" || (await lstat(join(this.#root, source))).isDirectory();
    const files = isFolder ? this.files.filter((each) => each.startsWith(below)) : [source];
    if (files.length === 0) throw new Error(`COPY ${source}: nothing of it is in the build context`);
    for (const file of files) {
      const to = isFolder ? join(target, file.slice(below.length)) : target;
      await mkdir(dirname(to), { recursive: true });
      await cp(join(this.#root, file), to);
    }
  }
}
