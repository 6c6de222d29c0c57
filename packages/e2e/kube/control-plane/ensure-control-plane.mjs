// Prints the path of the control plane's binary; builds it where there is none for exactly these sources.
//
// A build takes 16 minutes of one core and 4 GB of Go's cache, so what came of it is kept outside of the repository, in
// $XDG_CACHE_HOME/carillon or ~/.cache/carillon, under a name made of the version and the sources. It goes into place by one
// rename, so that two builds at once only do the work twice. CARILLON_CONTROL_PLANE names a binary that was built elsewhere.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const SOURCES = ["go.mod", "go.sum", "main.go", "etcd.go"];

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function version() {
  const found = /k8s\.io\/kubernetes v(\d+\.\d+\.\d+)/.exec(readFileSync(join(FOLDER, "go.mod"), "utf8"));
  return found === null ? fail("control-plane/go.mod names no version of k8s.io/kubernetes") : found[1];
}

function cachePath() {
  const hash = createHash("sha256");
  for (const name of SOURCES) hash.update(readFileSync(join(FOLDER, name)));
  const root = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(root, "carillon", `control-plane-${version()}-${hash.digest("hex").slice(0, 12)}`);
}

function linkerFlags() {
  const [major, minor] = version().split(".");
  const values = { gitVersion: `v${version()}`, gitMajor: major, gitMinor: minor };
  const packages = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"];
  const settings = packages.flatMap((name) =>
    Object.entries(values).map(([key, value]) => `-X ${name}.${key}=${value}`),
  );
  return ["-s", "-w", ...settings].join(" ");
}

function build(target) {
  if (spawnSync("go", ["version"]).status !== 0) {
    fail(
      "The control plane is built with Go 1.26 or newer: install Go, or name a built binary in CARILLON_CONTROL_PLANE.",
    );
  }
  process.stderr.write("building the control plane of Kubernetes, once: this takes 16 minutes or more …\n");
  mkdirSync(join(target, ".."), { recursive: true });
  const unfinished = `${target}.${process.pid}`;
  const args = ["build", "-trimpath", "-ldflags", linkerFlags(), "-o", unfinished, "."];
  // One compiler at a time: several of these packages take a gigabyte each.
  const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false -p=1" };
  // What Go says goes to stderr: stdout is for the path alone.
  const { status } = spawnSync("nice", ["-n", "10", "go", ...args], { cwd: FOLDER, stdio: ["ignore", 2, 2], env });
  if (status !== 0) {
    rmSync(unfinished, { force: true });
    fail("The control plane was not built: see above.");
  }
  renameSync(unfinished, target);
}

const given = process.env.CARILLON_CONTROL_PLANE;
if (given && !existsSync(given)) fail(`CARILLON_CONTROL_PLANE names ${given}, which isn't there.`);
const path = given || cachePath();
if (!existsSync(path)) build(path);
process.stdout.write(`${path}\n`);
