import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const execute = promisify(execFile);
const SHIPPED = /^(dist\/[\w.-]+\.(js|cjs|d\.ts|d\.cts)|README\.md|LICENSE|package\.json)$/;

/** Runs a program; rejects with what it printed when it fails. */
export async function run(command, args, cwd) {
  try {
    return await execute(command, args, { cwd });
  } catch (error) {
    throw new Error(`${command} ${args.join(" ")}\n${error.stdout ?? ""}${error.stderr ?? error.message}`);
  }
}

/** A program of the repository's own node_modules. */
export const bin = (name) => join(ROOT, "node_modules/.bin", name);

/**
 * What publint and attw say of a tarball, that nothing stands in it that shouldn't, and that its licence is ours. `profile` is
 * how attw looks at it: resolution as before Node 12, which knows no paths of a package but its main one, is in none.
 */
export async function checkTarball({ tarball, files }, { folder, profile = "node16", shipped = SHIPPED }) {
  await run(bin("publint"), ["run", tarball, "--strict"], ROOT);
  await run(bin("attw"), [tarball, "--no-emoji", "--profile", profile], ROOT);
  const stray = files.filter((path) => !shipped.test(path));
  if (stray.length > 0) throw new Error(`these should not be published: ${stray.join(", ")}`);
  const [own, ours] = await Promise.all(
    [`packages/${folder}`, "."].map((at) => readFile(join(ROOT, at, "LICENSE"), "utf8")),
  );
  if (own !== ours) throw new Error(`packages/${folder}/LICENSE is not the licence of the repository`);
}

/** An empty application that has installed the tarballs, what they need of others, and nothing else. */
export async function install(packages, into) {
  const folder = join(into, "application");
  await mkdir(folder);
  await writeFile(join(folder, "package.json"), '{ "name": "application", "private": true, "version": "1.0.0" }\n');
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", ...packages], folder);
  return folder;
}

/** Compiles a file of an application with one of TypeScript's module resolutions, strictly. */
export async function compile({ folder, file, moduleResolution, module, types = [] }) {
  const lib = ["es2023", "dom"];
  const compilerOptions = { module, moduleResolution, target: "es2022", lib, types, strict: true, noEmit: true };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
  await run(bin("tsc"), ["-p", "."], folder);
}

/** Prints the sizes that have a limit; throws when one is over it. */
export function gateSizes({ name, limits }, sizes) {
  for (const [what, limit] of Object.entries(limits)) {
    console.log(`${name}  ${what.padEnd(8)} ${String(sizes[what]).padStart(7)} bytes, limit ${limit}`);
  }
  const over = Object.keys(limits).filter((what) => sizes[what] > limits[what]);
  if (over.length > 0) throw new Error(`${name} is over its limit: ${over.join(", ")}`);
}
