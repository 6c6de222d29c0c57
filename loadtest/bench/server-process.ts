import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

const READY_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 15_000;

/** What to start. */
export interface ServerOptions {
  /** The part that it plays, as tables name it. */
  readonly role: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Further variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** True for the line of output after which the server accepts connections. */
  readonly isReadyLine: (line: string) => boolean;
}

// What still runs when the bench ends before its time.
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A server process under test. */
export class ServerProcess {
  readonly role: string;
  readonly pid: number;
  /** The line with which it said that it is ready. */
  readonly readyLine: string;
  readonly #child: ChildProcess;

  private constructor(role: string, child: ChildProcess, { pid, readyLine }: { pid: number; readyLine: string }) {
    this.role = role;
    this.#child = child;
    this.pid = pid;
    this.readyLine = readyLine;
  }

  /** Starts a server and waits until it accepts connections. Rejects with its last lines of output when it doesn't. */
  static async start(options: ServerOptions): Promise<ServerProcess> {
    const child = spawn(options.command, options.args, {
      cwd: options.cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_ENV: "production", ...options.env },
    });
    running.add(child);
    child.once("exit", () => running.delete(child));
    const lastLines: string[] = [];
    const ready = new Promise<string>((resolve, reject) => {
      const onLine = (line: string): void => {
        lastLines.push(line);
        if (lastLines.length > 10) lastLines.shift();
        if (options.isReadyLine(line)) resolve(line);
      };
      // Reading goes on after the start, or the server would block once the pipe is full.
      createInterface({ input: child.stdout }).on("line", onLine);
      createInterface({ input: child.stderr }).on("line", onLine);
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`exit code ${code}`)));
    });
    let readyLine: string;
    try {
      readyLine = await Promise.race([ready, timeout(READY_DEADLINE_MS)]);
    } catch (error) {
      child.kill("SIGKILL");
      throw new Error(`${options.role} did not start: ${String(error)}\n${lastLines.join("\n")}`, { cause: error });
    }
    ready.catch(() => undefined);
    if (child.pid === undefined) throw new Error(`${options.role} has no process id`);
    return new ServerProcess(options.role, child, { pid: child.pid, readyLine });
  }

  /** True while it runs. */
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Ends it without warning, as a crash would; resolves when it is gone. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  /** Asks it to end, and makes it end when it doesn't in time. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const isDone = await Promise.race([exited.then(() => true), delay(STOP_DEADLINE_MS, false, { ref: false })]);
    if (!isDone) {
      this.#child.kill("SIGKILL");
      await exited;
    }
  }
}

async function timeout(ms: number): Promise<never> {
  await delay(ms, undefined, { ref: false });
  throw new Error(`not ready after ${ms / 1000} seconds`);
}

/** A port of 127.0.0.1 that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the port can't be told");
  server.close();
  await once(server, "close");
  return address.port;
}
