// Makes the programs that the tests run on Pusher libraries for other languages, and prints as JSON how to run each: `sdks` on
// those for servers, `clients` on those that subscribe; null for a language that is not on this machine. Only a first run takes long: everything is kept in node_modules/.cache, under a
// name that changes with the sources.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
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

const SOURCES = fileURLToPath(new URL("../../e2e/sdks", import.meta.url));
const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/carillon/pusher-sdks", import.meta.url));

function isThere(command) {
  return spawnSync(command, ["--help"], { stdio: "ignore", timeout: 10_000 }).error === undefined;
}

function run(command, args, options = {}) {
  // What the tools say goes to stderr: stdout is for the answer alone.
  execFileSync(command, args, { stdio: ["ignore", 2, 2], ...options });
}

function digestOf(folder) {
  const digest = createHash("sha256");
  for (const name of readdirSync(folder, { recursive: true }).sort()) {
    const path = join(folder, name);
    if (statSync(path).isFile()) digest.update(`${name}\n`).update(readFileSync(path));
  }
  return digest.digest("hex").slice(0, 16);
}

/** The folder of what `make` makes out of a language's sources; null when that doesn't work here. */
function made(language, command, make) {
  const sources = join(SOURCES, language);
  const target = join(CACHE, `${language}-${digestOf(sources)}`);
  if (existsSync(target)) return target;
  if (!isThere(command)) {
    process.stderr.write(
      `${command} is not on this machine: the tests leave out the Pusher libraries for ${language}\n`,
    );
    return null;
  }
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "make-"));
  try {
    process.stderr.write(`fetching the Pusher libraries for ${language} …\n`);
    make(sources, folder);
    renameSync(folder, target);
    return target;
  } catch (error) {
    process.stderr.write(`the Pusher libraries for ${language} can't be had: ${error.message}\n`);
    // Another run may have been faster; then there is one all the same.
    return existsSync(target) ? target : null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// Beside the program, and found by PYTHONPATH: a virtual environment could not be moved into place.
function makePython(sources, folder) {
  const packages = join(folder, "packages");
  const quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action", "ignore"];
  run("python3", ["-m", "pip", "install", ...quiet, "--target", packages, "-r", join(sources, "requirements.txt")]);
  for (const name of ["steps.py", "subscriber.py"]) cpSync(join(sources, name), join(folder, name));
}

function makeGo(sources, folder) {
  run("go", ["build", "-o", join(folder, "steps"), "."], { cwd: sources, env: { ...process.env, GOFLAGS: "" } });
}

function makeRust(sources, folder) {
  const [project, target] = [join(folder, "project"), join(folder, "target")];
  // Built in a copy: cargo writes its lock file beside the sources.
  cpSync(sources, project, { recursive: true });
  run("cargo", ["build", "--quiet", "--target-dir", target], { cwd: project });
  cpSync(join(target, "debug", "steps"), join(folder, "steps"));
  for (const each of [project, target]) rmSync(each, { recursive: true });
}

function makeJava(sources, folder) {
  const packages = join(folder, "packages");
  const copy = ["dependency:copy-dependencies", `-DoutputDirectory=${packages}`];
  run("mvn", ["--batch-mode", "--quiet", "--file", join(sources, "pom.xml"), ...copy]);
  const programs = readdirSync(sources).filter((name) => name.endsWith(".java"));
  run("javac", ["-cp", join(packages, "*"), "-d", folder, ...programs.map((name) => join(sources, name))]);
}

const python = made("python", "python3", makePython);
const go = made("go", "go", makeGo);
const rust = made("rust", "cargo", makeRust);
const java = made("java", "mvn", makeJava);

function ofPython(name) {
  return python && { command: ["python3", join(python, name)], env: { PYTHONPATH: join(python, "packages") } };
}

function ofJava(name) {
  // Programs that live for seconds: starting fast counts for more than running fast. And Pusher's libraries read answers in
  // the machine's own encoding, whatever that is.
  const flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8"];
  return (
    java && { command: ["java", ...flags, "-cp", [java, join(java, "packages", "*")].join(delimiter), name], env: {} }
  );
}

const programs = {
  sdks: {
    python: ofPython("steps.py"),
    go: go && { command: [join(go, "steps")], env: {} },
    rust: rust && { command: [join(rust, "steps")], env: {} },
    java: ofJava("Steps"),
  },
  clients: { python: ofPython("subscriber.py"), java: ofJava("Subscriber") },
};
process.stdout.write(`${JSON.stringify(programs)}\n`);
