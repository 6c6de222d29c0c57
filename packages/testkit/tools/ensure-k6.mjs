// Prints the path of the k6 that the load tests run; installs it where there is none.
//
// In this order: the path in CARILLON_K6; `k6` on the PATH or among Go's binaries; one that an earlier run installed; `go
// install`. Installs go to node_modules/.cache and into place by one rename, so that two runs at once only do the work twice.
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

// TypeScript without a bundler came with 0.57, and `k6/websockets` out of its experiment with 1.0.
const MIN_VERSION = [1, 0];
const GO_MODULE = "go.k6.io/k6@v1.8.1";
const BINARY = process.platform === "win32" ? "k6.exe" : "k6";
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

function isNewEnough(path) {
  const { stdout } = spawnSync(path, ["version"], { encoding: "utf8", timeout: 10_000 });
  const match = /v(\d+)\.(\d+)\./.exec(stdout ?? "");
  if (match === null) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1]);
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

function installWithGo() {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "install-"));
  try {
    process.stderr.write("installing k6 with go install (some minutes) …\n");
    // What the tools say goes to stderr: stdout is for the path alone.
    const env = { ...process.env, GOBIN: folder, GOFLAGS: "" };
    execFileSync("go", ["install", GO_MODULE], { stdio: ["ignore", 2, 2], env });
    const target = join(CACHE, BINARY);
    renameSync(join(folder, BINARY), target);
    return target;
  } catch (error) {
    process.stderr.write(`go install did not work: ${error.message}\n`);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function find() {
  const given = process.env.CARILLON_K6;
  if (given) {
    if (isExecutable(given) && isNewEnough(given)) return given;
    process.stderr.write("CARILLON_K6 does not name a k6 of version 1.0 or later.\n");
    process.exit(1);
  }
  return findInstalled() ?? installWithGo();
}

const path = find();
if (path === null) {
  process.stderr.write(
    `The load tests need k6 1.0 or later. One of these helps:
  - name one in CARILLON_K6, or put one on the PATH;
  - install Go, for: go install ${GO_MODULE}
`,
  );
  process.exit(1);
}
process.stdout.write(`${path}\n`);
