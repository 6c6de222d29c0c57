// Prints the path of a Chromium for the browser tests; installs Debian's where there is none and that is possible.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

function findOnPath() {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of NAMES) {
      const path = join(folder, name);
      if (existsSync(path)) return path;
    }
  }
  return null;
}

function installWithApt() {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // Everything apt says goes to stderr: stdout is for the path alone.
  const options = { stdio: ["ignore", 2, 2], env };
  try {
    execFileSync("apt-get", ["update", "-qq"], options);
    execFileSync("apt-get", ["install", "-y", "-qq", "chromium"], options);
  } catch (error) {
    process.stderr.write(`installing Chromium with apt-get failed: ${error.message}\n`);
  }
}

function find() {
  const given = process.env.CARILLON_CHROMIUM;
  if (given !== undefined && given !== "") return given;
  const found = findOnPath();
  if (found !== null) return found;
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) installWithApt();
  return findOnPath();
}

const path = find();
if (path === null) {
  process.stderr.write(
    "The browser tests need Chromium: install the package `chromium`, or name a Chrome or Chromium in CARILLON_CHROMIUM.\n",
  );
  process.exit(1);
}
process.stdout.write(`${path}\n`);
