import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { natsServerBinary } from "./nats-server.ts";
import { REPOSITORY } from "./repository.ts";

const run = promisify(execFile);

/** What the figures depend on besides the code. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly uWebSockets: string;
  readonly natsClient: string;
  readonly natsServer: string;
  readonly carillon: string;
}

/** Describes this machine and the versions in use. */
export async function describeMachine(): Promise<Machine> {
  const natsVersion = await run(await natsServerBinary(), ["--version"]);
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
    uWebSockets: await installedVersion("uWebSockets.js"),
    natsClient: await installedVersion("nats"),
    natsServer: natsVersion.stdout.trim().replace(/^.*v/, ""),
    carillon: await carillonVersion(),
  };
}

/** The machine as lines of a list in Markdown. `loadBefore`: load average of the minute before. */
export function machineLines(machine: Machine, loadBefore: number): readonly string[] {
  return [
    `- Machine: ${machine.cores} cores (${machine.cpu}), ${machine.memoryGib} GiB, Linux ${machine.kernel}; load average before it began: ${loadBefore.toFixed(1)}`,
    `- Versions: Carillon ${machine.carillon}, Node ${machine.node}, uWebSockets.js ${machine.uWebSockets} (npm uwebsockets), ` +
      `nats ${machine.natsClient}, nats-server ${machine.natsServer}`,
  ];
}

async function installedVersion(name: string): Promise<string> {
  const file = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return versionIn(file);
}

async function versionIn(file: string): Promise<string> {
  const { version } = JSON.parse(await readFile(file, "utf8")) as { version?: unknown };
  return typeof version === "string" ? version : "unknown";
}

/** The package's version with the commit, and a plus sign when files differ from it. */
async function carillonVersion(): Promise<string> {
  const version = await versionIn(join(REPOSITORY, "packages/carillon/package.json"));
  try {
    const { stdout } = await run("git", ["describe", "--always", "--dirty=+"], { cwd: REPOSITORY });
    return `${version} (${stdout.trim()})`;
  } catch {
    // Not a git checkout: the version alone has to do.
    return version;
  }
}
