import { execFile } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PACKAGES = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** What stands beside the built files. */
const DOCUMENTS = ["README.md", "LICENSE"];

/** What others of ours depend on by a version, as everybody does. */
const PUBLIC = ["@carillon/client", "@carillon/server"];

/**
 * Packs a package as it is published, from a copy in `into`: without what only the repository needs (its source
 * condition, what it is built and tested with). Resolves with the tarball and what npm says of it.
 *
 * @param {string} folder its folder below packages/
 * @param {string} into an empty folder
 * @returns {Promise<{ tarball: string, size: number, unpackedSize: number, files: string[] }>}
 */
export async function pack(folder, into) {
  const staged = join(into, "staged", folder);
  const manifest = await stage(folder, staged);
  for (const name of DOCUMENTS) await cp(join(PACKAGES, folder, name), join(staged, name));
  const inside = await stageInternals(manifest, staged);
  await writeManifest(staged, inside === null ? manifest : { ...manifest, ...inside });
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", into], { cwd: staged });
  const told = JSON.parse(stdout);
  const [info] = Array.isArray(told) ? told : Object.values(told);
  return {
    tarball: join(into, info.filename),
    size: info.size,
    unpackedSize: info.unpackedSize,
    files: info.files.map(({ path }) => path),
  };
}

/** Copies what a package publishes; resolves with its manifest, not written yet. */
async function stage(folder, to) {
  const from = join(PACKAGES, folder);
  await mkdir(to, { recursive: true });
  const manifest = JSON.parse(await readFile(join(from, "package.json"), "utf8"));
  const { devDependencies: _tools, scripts: _scripts, ...published } = manifest;
  for (const name of published.files.filter((each) => !each.startsWith("!"))) {
    await cp(join(from, name), join(to, name), { recursive: true, filter: isShipped });
  }
  return { ...published, exports: withoutSource(published.exports) };
}

/** Source maps lead to sources that are not there. */
function isShipped(path) {
  return !/\.(map|tsbuildinfo)$/.test(path);
}

/**
 * Puts the packages that are published only inside of this one into its node_modules, with all that they stand on. Resolves
 * with what the manifest has to say of that, null for nothing: the tarball brings them, and npm installs what they want of others.
 */
async function stageInternals(manifest, staged) {
  const inside = new Map();
  const waiting = internalsOf(manifest);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (inside.has(name)) continue;
    const folder = join(staged, "node_modules", name);
    const internal = await stage(name.replace("@carillon/", ""), folder);
    inside.set(name, internal);
    await writeManifest(folder, internal);
    waiting.push(...internalsOf(internal));
  }
  if (inside.size === 0) return null;
  const all = [manifest, ...inside.values()].flatMap(({ dependencies = {} }) => Object.entries(dependencies));
  const dependencies = {};
  for (const [name, version] of all.sort(([a], [b]) => (a < b ? -1 : 1))) {
    dependencies[name] ??= version;
    if (dependencies[name] !== version) throw new Error(`two versions of ${name} inside ${manifest.name}`);
  }
  return { dependencies, bundleDependencies: [...inside.keys()].sort() };
}

/** Those of our packages that nobody but another one of ours is to depend on. */
function internalsOf({ dependencies = {} }) {
  return Object.keys(dependencies).filter((name) => name.startsWith("@carillon/") && !PUBLIC.includes(name));
}

async function writeManifest(folder, manifest) {
  await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The conditions that lead to built files. */
function withoutSource(exports) {
  if (typeof exports !== "object" || exports === null) return exports;
  const kept = Object.entries(exports).filter(([condition]) => condition !== "@carillon/source");
  return Object.fromEntries(kept.map(([condition, target]) => [condition, withoutSource(target)]));
}
