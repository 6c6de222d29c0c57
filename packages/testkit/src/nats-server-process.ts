import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { eventually } from "./eventually.ts";

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 5;
const OUTPUT_LIMIT = 64 * 1024;

const tool = fileURLToPath(new URL("../tools/ensure-nats-server.mjs", import.meta.url));
let binary: Promise<string> | undefined;

/** The path of a nats-server that is new enough; installs one where there is none, which can take minutes the first time. */
export function findNatsServer(): Promise<string> {
  binary ??= promisify(execFile)(process.execPath, [tool]).then(({ stdout }) => stdout.trim());
  return binary;
}

/** Where a running server listens. 0 = not at all. */
export interface NatsPorts {
  readonly client: number;
  readonly monitor: number;
}

/** What to run. */
export interface NatsServerProcessOptions {
  readonly binary: string;
  readonly configFile: string;
  /** The `ports_file_dir` of the configuration: the server tells there which ports it got. */
  readonly portsFolder: string;
}

const running = new Set<ChildProcess>();
let hasExitHook = false;

/** One run of nats-server. */
export class NatsServerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly ports: NatsPorts;
  readonly #readOutput: () => string;

  private constructor(child: ChildProcess, exited: Promise<void>, ports: NatsPorts, readOutput: () => string) {
    this.#child = child;
    this.#exited = exited;
    this.ports = ports;
    this.#readOutput = readOutput;
  }

  /** Resolves when it listens; rejects with its own words when it ends before, or listens nowhere in time. */
  static async start(options: NatsServerProcessOptions): Promise<NatsServerProcess> {
    const child = spawn(options.binary, ["-c", options.configFile], { stdio: ["ignore", "ignore", "pipe"] });
    let output = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-OUTPUT_LIMIT);
    });
    const exited = new Promise<void>((resolve) => {
      child.once("close", () => resolve());
      child.once("error", (error) => {
        output += error.message;
        resolve();
      });
    });
    remember(child, exited);
    try {
      const ports = await waitForPorts(child, exited, options.portsFolder);
      return new NatsServerProcess(child, exited, ports, () => output);
    } catch (error) {
      child.kill("SIGKILL");
      await exited;
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`nats-server did not start (${reason}): ${output.trim()}`);
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get output(): string {
    return this.#readOutput();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Stops it, and resolves when every thread stands still: on a busy machine that takes a while after the signal. */
  async freeze(): Promise<void> {
    this.#child.kill("SIGSTOP");
    await eventually(async () => {
      const states = await threadStates(this.pid);
      if (!/^T+$/.test(states)) throw new Error(`nats-server has threads in the states ${states}`);
    });
  }

  /** Ends it and resolves when it is gone. One that doesn't listen to the signal is killed. Idempotent. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#child.kill(signal);
    // A frozen server would never hear SIGTERM.
    this.#child.kill("SIGCONT");
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(killer);
  }
}

/** A test process that ends early must not leave servers behind. */
function remember(child: ChildProcess, exited: Promise<void>): void {
  running.add(child);
  void exited.then(() => running.delete(child));
  if (hasExitHook) return;
  hasExitHook = true;
  process.once("exit", () => {
    for (const each of running) each.kill("SIGKILL");
  });
}

/** One letter for each thread (on Linux; else for the process): `T` = stopped. */
async function threadStates(pid: number): Promise<string> {
  const folder = `/proc/${pid}/task`;
  const threads = await readdir(folder).catch(() => null);
  if (threads === null)
    return (await promisify(execFile)("ps", ["-o", "state=", "-p", `${pid}`])).stdout.trim().slice(0, 1);
  // `PID (name) STATE …`; a thread that has ended meanwhile has no file.
  const stats = await Promise.all(
    threads.map((thread) => readFile(join(folder, thread, "stat"), "utf8").catch(() => "")),
  );
  return stats.map((stat) => stat.slice(stat.lastIndexOf(")") + 2).slice(0, 1)).join("");
}

async function waitForPorts(child: ChildProcess, exited: Promise<void>, folder: string): Promise<NatsPorts> {
  const file = join(folder, `nats-server_${child.pid}.ports`);
  const endMs = performance.now() + START_TIMEOUT_MS;
  let hasEnded = false;
  void exited.then(() => {
    hasEnded = true;
  });
  while (performance.now() < endMs) {
    const ports = parsePorts(await readFile(file, "utf8").catch(() => ""));
    if (ports !== null) {
      await rm(file, { force: true });
      return ports;
    }
    if (hasEnded) throw new Error("it ended");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error("it told no ports in time");
}

/** Null while the file isn't there or only half written. */
function parsePorts(text: string): NatsPorts | null {
  try {
    const file = JSON.parse(text) as { nats?: string[]; monitoring?: string[] };
    return { client: portOf(file.nats), monitor: portOf(file.monitoring) };
  } catch {
    // Not complete yet: the caller looks again.
    return null;
  }
}

function portOf(urls: readonly string[] | undefined): number {
  const match = /:(\d+)$/.exec(urls?.[0] ?? "");
  return match === null ? 0 : Number(match[1]);
}
