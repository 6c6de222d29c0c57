// Gathers what the image runs: the package `carillon` and everything that it depends on in production, as a plain node_modules
// folder without links. Of uWebSockets.js, which comes with 54 binaries, only the one for this Node and the target's
// architecture, after its hash was compared with deploy/uws-manifest.json.
//
//   node deploy/image/assemble.mjs --arch amd64|arm64 --into FOLDER
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Docker's words for architectures, and Node's. */
const ARCHITECTURES = { amd64: "x64", arm64: "arm64" };

// Nothing that runs. Licences stay.
const LEFT_OUT_FILES = /\.(?:[cm]?ts|map|tsbuildinfo|md|markdown|test\.[cm]?js)$/i;
const LEFT_OUT_FOLDERS = [
  "test",
  "tests",
  "docs",
  "doc",
  "example",
  "examples",
  "benchmark",
  "benchmarks",
  ".github",
  "bench",
];
const LICENCE = /^(?:licen[cs]e|notice|copying)/i;

const UWS = "uWebSockets.js";

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function readOptions() {
  const { values } = parseArgs({ options: { arch: { type: "string" }, into: { type: "string" } } });
  const arch = ARCHITECTURES[values.arch];
  if (arch === undefined)
    fail(`--arch is ${Object.keys(ARCHITECTURES).join(" or ")}, and not ${JSON.stringify(values.arch ?? "")}.`);
  if (values.into === undefined) fail("Name the folder to make: --into FOLDER");
  return { arch, into: values.into };
}

const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** The folder that `name` means to the package in `folder`, as Node looks for it. */
function resolve(name, folder) {
  for (let at = folder; ; at = dirname(at)) {
    const candidate = join(at, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (at === dirname(at)) fail(`${name}, which ${folder} depends on, is not installed: run npm ci first.`);
  }
}

/** Where every package is that production needs, beginning with `carillon`: no optional, peer and development dependencies. */
function production() {
  const found = new Set();
  const waiting = [join(ROOT, "node_modules/carillon")];
  for (const link of waiting) {
    if (found.has(link)) continue;
    found.add(link);
    const folder = realpathSync(link);
    for (const name of Object.keys(manifestOf(folder).dependencies ?? {})) waiting.push(resolve(name, folder));
  }
  return [...found];
}

function isKept(from, file) {
  const name = basename(file);
  const isTopFolder = relative(from, file) === name && LEFT_OUT_FOLDERS.includes(name.toLowerCase());
  // Packages inside are found by themselves, and those that are not production's stay away.
  if (name === "node_modules" || isTopFolder) return false;
  return LICENCE.test(name) || !LEFT_OUT_FILES.test(name);
}

/** Where a package goes: workspaces become packages like the others, with what npm put below them. */
function placeOf(folder) {
  const [, workspace, rest] = /^(packages\/[^/]+)(\/.*)$/.exec(relative(ROOT, folder)) ?? [];
  if (workspace === undefined) return relative(ROOT, folder);
  return join("node_modules", manifestOf(join(ROOT, workspace)).name, rest);
}

/** A workspace publishes what its `files` name; others came from npm with no more than that. */
function copyPackage(link, target) {
  const from = realpathSync(link);
  const isWorkspace = from !== link;
  const entries = isWorkspace ? ["package.json", ...manifestOf(from).files] : readdirSync(from);
  for (const entry of entries) {
    const file = join(from, entry);
    if (!isKept(from, file) || !existsSync(file)) continue;
    cpSync(file, join(target, entry), { recursive: true, filter: (each) => isKept(from, each) });
  }
  if (isWorkspace) cpSync(join(ROOT, "LICENSE"), join(target, "LICENSE"));
}

function copyServerBinary(folder, target, arch) {
  const manifest = JSON.parse(readFileSync(join(ROOT, "deploy/uws-manifest.json"), "utf8"));
  const file = `uws_linux_${arch}_${process.versions.modules}.node`;
  const expected = manifest.sha256[file];
  if (expected === undefined)
    fail(`deploy/uws-manifest.json has no ${file}: build with Node 24, or add the hash of a binary that was tested.`);
  const actual = createHash("sha256")
    .update(readFileSync(join(folder, file)))
    .digest("hex");
  if (actual !== expected)
    fail(`${file} is not the tested binary: its sha256 is ${actual}, and deploy/uws-manifest.json says ${expected}.`);
  mkdirSync(target, { recursive: true });
  for (const each of ["package.json", "LICENSE", "uws.js", file]) cpSync(join(folder, each), join(target, each));
  return file;
}

const { arch, into } = readOptions();
rmSync(into, { recursive: true, force: true });
const packages = production();
// Parents before what is below them.
packages.sort();
let binary;
for (const folder of packages) {
  const target = join(into, placeOf(folder));
  if (basename(folder) === UWS) binary = copyServerBinary(folder, target, arch);
  else copyPackage(folder, target);
}
cpSync(join(ROOT, "LICENSE"), join(into, "LICENSE"));
console.log(`${packages.length} packages, ${binary}`);
