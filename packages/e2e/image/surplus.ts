import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "./files.ts";

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** What is in the image's application and shouldn't be: packages that nothing needs, a second binary, types, tests, npm. */
export async function surplusOf(root: string): Promise<string[]> {
  const app = join(root, "app");
  const files = (await readdir(app, { recursive: true })).map(String);
  const surplus = files.filter((file) => /\.(?:[cm]?ts|map|tsbuildinfo)$|\.test\.[cm]?js$/.test(file));
  const binaries = files.filter((file) => file.endsWith(".node"));
  if (binaries.length !== 1) surplus.push(`${binaries.length} native binaries: ${binaries.join(" ")}`);
  if (await exists(join(root, "usr/local/lib/node_modules"))) surplus.push("npm");
  return [...surplus, ...(await unneededIn(join(app, "node_modules")))];
}

/** Packages that are not reached from `carillon` by what packages say that they depend on. */
async function unneededIn(folder: string): Promise<string[]> {
  const present = await packagesIn(folder);
  const manifests = new Map<string, Manifest>();
  for (const path of present) {
    manifests.set(path, JSON.parse(await readFile(join(folder, path, "package.json"), "utf8")) as Manifest);
  }
  const needed = new Set(["carillon"]);
  for (const path of needed) {
    for (const name of Object.keys(manifests.get(path)?.dependencies ?? {})) {
      const nested = `${path}/node_modules/${name}`;
      const found = [nested, name].find((each) => manifests.has(each));
      if (found === undefined) return [`no ${name}, which ${path} depends on`];
      needed.add(found);
    }
  }
  return present.filter((path) => !needed.has(path));
}

/** `name`, `@scope/name`, and what is nested: `name/node_modules/name`. */
async function packagesIn(folder: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder)) {
    const names = name.startsWith("@") ? (await readdir(join(folder, name))).map((each) => `${name}/${each}`) : [name];
    for (const each of names) {
      found.push(`${prefix}${each}`);
      const nested = join(folder, each, "node_modules");
      if (await exists(nested)) found.push(...(await packagesIn(nested, `${prefix}${each}/node_modules/`)));
    }
  }
  return found;
}
