/**
 * `make pack-test`: packs each public package, installs the tarball in an empty folder, and uses it as applications do:
 * by `import`, by `require`, through a bundler, and in TypeScript with both of its module resolutions. publint and attw
 * look at the tarball; sizes have limits.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { pack } from "./pack.mjs";
import { PUBLIC_PACKAGES } from "./public-packages.mjs";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const execute = promisify(execFile);

/** Runs a program; rejects with what it printed when it fails. */
async function run(command, args, cwd) {
  try {
    return await execute(command, args, { cwd });
  } catch (error) {
    throw new Error(`${command} ${args.join(" ")}\n${error.stdout ?? ""}${error.stderr ?? error.message}`);
  }
}

const bin = (name) => join(ROOT, "node_modules/.bin", name);

async function checkTarball({ tarball, files }, folder) {
  await run(bin("publint"), ["run", tarball, "--strict"], ROOT);
  // Resolution as before Node 12 knows no paths of a package but its main one.
  await run(bin("attw"), [tarball, "--no-emoji", "--profile", "node16"], ROOT);
  const stray = files.filter(
    (path) => !/^(dist\/[\w.-]+\.(js|cjs|d\.ts|d\.cts)|README\.md|LICENSE|package\.json)$/.test(path),
  );
  if (stray.length > 0) throw new Error(`these should not be published: ${stray.join(", ")}`);
  const [own, ours] = await Promise.all(
    [`packages/${folder}`, "."].map((at) => readFile(join(ROOT, at, "LICENSE"), "utf8")),
  );
  if (own !== ours) throw new Error(`packages/${folder}/LICENSE is not the licence of the repository`);
}

/** An empty application that has installed the tarballs, what they need of others, and nothing else. */
async function install(packages, into) {
  const folder = join(into, "application");
  await mkdir(folder);
  await writeFile(join(folder, "package.json"), '{ "name": "application", "private": true, "version": "1.0.0" }\n');
  await run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...packages], folder);
  return folder;
}

async function importAndRequire({ name, check }, folder) {
  await writeFile(join(folder, "use.mjs"), `import * as sdk from "${name}";\n${check}\n`);
  await writeFile(join(folder, "use.cjs"), `const sdk = require("${name}");\n${check}\n`);
  for (const file of ["use.mjs", "use.cjs"]) await run(process.execPath, [file], folder);
}

/** `nodenext` twice: a file that imports, and one whose imports become `require`. */
async function compile({ types }, folder) {
  const ways = [
    ["bundler", "esnext", "use.ts"],
    ["nodenext", "nodenext", "esm.mts"],
    ["nodenext", "nodenext", "cjs.cts"],
  ];
  for (const [moduleResolution, module, file] of ways) {
    await writeFile(join(folder, file), types);
    const lib = ["es2022", "dom"];
    const compilerOptions = { module, moduleResolution, target: "es2022", lib, types: [], strict: true, noEmit: true };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
    await run(bin("tsc"), ["-p", "."], folder);
  }
}

/** Resolves with the size of an application's bundle that carries all of the package, minified and compressed. */
async function bundled({ name, check }, folder) {
  const entry = join(folder, "bundled.mjs");
  await writeFile(entry, `import * as sdk from "${name}";\nexport { sdk };\n${check}\n`);
  const bundle = await rolldown({ input: entry, platform: "browser", logLevel: "silent" });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  await writeFile(join(folder, "bundle.mjs"), output[0].code);
  await run(process.execPath, ["bundle.mjs"], folder);
  return gzipSync(output[0].code).length;
}

async function test(entry) {
  const into = await mkdtemp(join(tmpdir(), "carillon-pack-"));
  try {
    const packed = await pack(entry.folder, into);
    await checkTarball(packed, entry.folder);
    const { needs = [], peers = [] } = entry;
    const others = [];
    for (const each of needs) others.push((await pack(each, into)).tarball);
    const folder = await install([packed.tarball, ...others, ...peers], into);
    await importAndRequire(entry, folder);
    await compile(entry, folder);
    const sizes = { tarball: packed.size, unpacked: packed.unpackedSize, minified: await bundled(entry, folder) };
    for (const [what, limit] of Object.entries(entry.limits)) {
      console.log(`${entry.name}  ${what.padEnd(8)} ${String(sizes[what]).padStart(7)} bytes, limit ${limit}`);
    }
    const over = Object.keys(entry.limits).filter((what) => sizes[what] > entry.limits[what]);
    if (over.length > 0) throw new Error(`${entry.name} is over its limit: ${over.join(", ")}`);
  } finally {
    await rm(into, { recursive: true });
  }
}

let failed = 0;
for (const entry of PUBLIC_PACKAGES) {
  try {
    await test(entry);
    console.log(`${entry.name}  ok: packed, installed, used by import, require, bundler and TypeScript`);
  } catch (error) {
    failed++;
    console.error(`${entry.name}  FAILED\n${error.message}`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
