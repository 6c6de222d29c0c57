// Installs what Carillon is measured next to, and prints as JSON where it is: the folder with the servers, how to run redis-server, and the
// path of Centrifugo; null for what is not to be had on this machine.
//
// Everything goes below node_modules/.cache, by a package.json and a lock file of its own, so that none of it becomes a
// dependency of Carillon. Install scripts don't run. redis-server: the one in CARILLON_REDIS_SERVER or on the PATH, else Debian's
// packages, unpacked. Centrifugo: the one in CARILLON_CENTRIFUGO or on the PATH, else `go install`, which takes minutes.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL(".", import.meta.url));
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/carillon/peers", import.meta.url));
const CENTRIFUGO = "github.com/centrifugal/centrifugo/v6@v6.9.1";

// redis-server is a name of redis-check-rdb, which stands in redis-tools, and these are its libraries.
const REDIS_PACKAGES = [
  "redis-tools",
  "liblzf1",
  "libjemalloc2",
  "liblua5.1-0",
  "lua-bitop",
  "lua-cjson",
  "libatomic1",
];

function run(command, args, options = {}) {
  // What the tools say goes to stderr: stdout is for the answer alone.
  execFileSync(command, args, { stdio: ["ignore", 2, 2], ...options });
}

/** Makes a folder of the cache once, into place by one rename; null when that doesn't work here. */
function made(name, what, make) {
  const target = join(CACHE, name);
  if (existsSync(target)) return target;
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "make-"));
  try {
    process.stderr.write(`installing ${what} …\n`);
    make(folder);
    renameSync(folder, target);
    return target;
  } catch (error) {
    process.stderr.write(`${what} can't be had: ${error.message}\n`);
    // Another run may have been faster; then there is one all the same.
    return existsSync(target) ? target : null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function installed() {
  const digest = createHash("sha256");
  for (const file of ["package.json", "package-lock.json"]) digest.update(readFileSync(join(SOURCES, file)));
  const name = `npm-${digest.digest("hex").slice(0, 12)}`;
  const folder = made(name, "Socket.IO, soketi and ws with npm", (target) => {
    for (const file of ["package.json", "package-lock.json", ".npmrc"]) cpSync(join(SOURCES, file), join(target, file));
    run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: target });
  });
  // Those of an older lock file are half a gigabyte that nobody needs.
  for (const other of readdirSync(CACHE))
    if (other.startsWith("npm-") && other !== name && folder !== null) rmSync(join(CACHE, other), { recursive: true });
  return folder;
}

/** The servers stand beside their packages, where Node looks for those. They may change from run to run. */
function copyServers(folder) {
  for (const name of readdirSync(SOURCES))
    if (name.endsWith(".mjs") && name !== "install.mjs") cpSync(join(SOURCES, name), join(folder, name));
}

function onPath(name, given) {
  if (given) return given;
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

function redisServer() {
  const found = onPath("redis-server", process.env.CARILLON_REDIS_SERVER);
  if (found !== null) return { command: found, libraries: "" };
  const folder = made("redis", "redis-server with apt-get", (target) => {
    const packages = join(target, "packages");
    mkdirSync(packages);
    run("apt-get", ["download", "--quiet", ...REDIS_PACKAGES], { cwd: packages });
    for (const name of readdirSync(packages)) run("dpkg-deb", ["--extract", join(packages, name), target]);
    rmSync(packages, { recursive: true });
    cpSync(join(target, "usr/bin/redis-check-rdb"), join(target, "redis-server"));
  });
  if (folder === null) return null;
  const libraries = readdirSync(join(folder, "usr/lib"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, "usr/lib", entry.name));
  return { command: join(folder, "redis-server"), libraries: libraries.join(delimiter) };
}

function centrifugo() {
  const found = onPath("centrifugo", process.env.CARILLON_CENTRIFUGO);
  if (found !== null) return found;
  const folder = made("centrifugo", "Centrifugo with go install", (target) => {
    run("go", ["install", CENTRIFUGO], { env: { ...process.env, GOBIN: target, GOFLAGS: "-mod=mod" } });
  });
  return folder && join(folder, "centrifugo");
}

/** What `command` says of its version; "unknown" when it says nothing. */
function says(command, args, pattern, env = {}) {
  const { stdout } = spawnSync(command, args, { encoding: "utf8", timeout: 10_000, env: { ...process.env, ...env } });
  return pattern.exec(stdout ?? "")?.[1] ?? "unknown";
}

const folder = installed();
if (folder === null) {
  process.stderr.write("The peers can't be installed: npm must be able to fetch loadtest/peers/package-lock.json.\n");
  process.exit(1);
}
copyServers(folder);
const redis = redisServer();
const centrifugoPath = centrifugo();
const { packages } = JSON.parse(readFileSync(join(SOURCES, "package-lock.json"), "utf8"));
const version = (name) => packages[`node_modules/${name}`].version;
const versions = {
  ws: version("ws"),
  "socket.io": version("socket.io"),
  "@socket.io/redis-adapter": version("@socket.io/redis-adapter"),
  "@soketi/soketi": version("@soketi/soketi"),
  ...(redis && {
    redis: says(redis.command, ["--version"], /v=(\S+)/, redis.libraries && { LD_LIBRARY_PATH: redis.libraries }),
  }),
  // One that was made with `go install` names its version only to Go.
  ...(centrifugoPath && { centrifugo: says("go", ["version", "-m", centrifugoPath], /\tmod\t\S+\tv(\S+)/) }),
};
process.stdout.write(`${JSON.stringify({ folder, redis, centrifugo: centrifugoPath, versions })}\n`);
