import { lstat, mkdir, readdir, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";

/**
 * Gives the checkout at `to` what is installed in the one at `from`, whose lock file is the same: links to all of it, but its own
 * packages where those of the workspace are.
 */
export async function linkModules(from: string, to: string): Promise<void> {
  await linkFolder(join(from, "node_modules"), join(to, "node_modules"));
  for (const folder of await workspacesOf(to)) {
    const own = join(from, folder, "node_modules");
    if (await isThere(own)) await linkFolder(own, join(to, folder, "node_modules"));
  }
}

async function linkFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    // Relative, so that the copy of the link leads into the other checkout.
    if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (entry.name.startsWith("@")) await linkFolder(source, target);
    // What tools keep in hidden folders is not installed.
    else if (!entry.name.startsWith(".") || entry.name === ".bin") await symlink(source, target);
  }
}

/** Folders of the workspace that have packages of their own below them or are one. */
async function workspacesOf(root: string): Promise<string[]> {
  const packages = await readdir(join(root, "packages"), { withFileTypes: true });
  return ["loadtest", ...packages.filter((entry) => entry.isDirectory()).map(({ name }) => join("packages", name))];
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
