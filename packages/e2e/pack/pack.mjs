import { execFile } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PACKAGES = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** What stands beside the built files. */
const DOCUMENTS = ["README.md", "LICENSE"];

/**
 * Packs a package as it is published, from a copy in `into`: without what only the repository needs (its source
 * condition, what it is built and tested with). Resolves with the tarball and what npm says of it.
 *
 * @param {string} folder its folder below packages/
 * @param {string} into an empty folder
 * @returns {Promise<{ tarball: string, size: number, unpackedSize: number, files: string[] }>}
 */
export async function pack(folder, into) {
  const from = join(PACKAGES, folder);
  const staged = join(into, "staged", folder);
  await mkdir(staged, { recursive: true });
  const manifest = JSON.parse(await readFile(join(from, "package.json"), "utf8"));
  const { devDependencies: _tools, scripts: _scripts, ...published } = manifest;
  published.exports = withoutSource(published.exports);
  await writeFile(join(staged, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  for (const name of DOCUMENTS) await cp(join(from, name), join(staged, name));
  await cp(join(from, "dist"), join(staged, "dist"), { recursive: true });
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

/** The conditions that lead to built files. */
function withoutSource(exports) {
  if (typeof exports !== "object" || exports === null) return exports;
  const kept = Object.entries(exports).filter(([condition]) => condition !== "@carillon/source");
  return Object.fromEntries(kept.map(([condition, target]) => [condition, withoutSource(target)]));
}
