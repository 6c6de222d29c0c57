import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { collectGarbage } from "./inspector.ts";

// Found by its name, as this file runs from its source and from what is compiled of it.
const BIN = join(dirname(createRequire(import.meta.url).resolve("carillon")), "../bin/carillon.js");
const READY_WITHIN_MS = 20_000;

/** The line that a process logs when it accepts connections. */
interface ReadyLine {
  readonly event: "ready";
  readonly url: string;
  readonly webSocketUrl?: string;
  readonly adminUrl: string;
}

/** What may differ for a process. */
export interface StartOptions {
  /** Another file that is Node's program; default: that of the tests. */
  readonly node?: string;
  /** Arguments for Node itself, such as `--inspect=127.0.0.1:0`. */
  readonly nodeArgs?: readonly string[];
  /** Environment besides the path. */
  readonly env?: Readonly<Record<string, string>>;
  /** Limit of open files, files and sockets together; default: that of the tests. */
  readonly openFiles?: number;
}

/** One real Carillon process, started by its command line. */
export class CarillonProcess {
  readonly url: string;
  readonly webSocketUrl: string;
  readonly adminUrl: string;
  readonly #child: ChildProcess;
  readonly #lines: string[];

  private constructor(child: ChildProcess, ready: ReadyLine, lines: string[]) {
    this.#child = child;
    this.url = ready.url;
    this.webSocketUrl = ready.webSocketUrl ?? "";
    this.adminUrl = ready.adminUrl;
    this.#lines = lines;
  }

  /** Starts `carillon ROLE …` on free ports and waits until it says that it is ready. */
  static async start(
    role: "dev" | "gateway" | "publisher" | "webhooks",
    args: readonly string[] = [],
    { node = process.execPath, nodeArgs = [], env = {}, openFiles }: StartOptions = {},
  ): Promise<CarillonProcess> {
    const flags = ["--host", "127.0.0.1", "--port", "0", "--admin-port", "0", "--log-format", "json", ...args];
    const command = [node, ...nodeArgs, BIN, role, ...flags];
    const [program, ...programArgs] = openFiles === undefined ? command : withFileLimit(openFiles, command);
    const child = spawn(program as string, programArgs, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], ...env },
    });
    const lines: string[] = [];
    child.stderr?.on("data", (data: Buffer) => lines.push(data.toString()));
    const ready = await new Promise<ReadyLine>((resolve, reject) => {
      const timer = setTimeout(() => {
        // Nobody else knows of it yet, so nobody else would end it.
        child.kill("SIGKILL");
        reject(new Error(`${role} was not ready in time:\n${lines.join("\n")}`));
      }, READY_WITHIN_MS);
      child.once("exit", (code) => reject(new Error(`${role} exited with ${code}:\n${lines.join("\n")}`)));
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
        lines.push(line);
        const parsed = parse(line);
        if (parsed?.event !== "ready") return;
        clearTimeout(timer);
        resolve(parsed as ReadyLine);
      });
    });
    return new CarillonProcess(child, ready, lines);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Everything it has logged. */
  get log(): string {
    return this.#lines.join("\n");
  }

  /** Publishes as the guide does; resolves with the response. */
  publish(body: unknown, secret = "guide-secret"): Promise<Response> {
    return fetch(`${this.url}/publish`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-publish-secret": secret },
      body: JSON.stringify(body),
    });
  }

  /** The value of a metric without labels, or the sum over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.adminUrl}/metrics`)).text();
    const values = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  /** Memory after its garbage has been collected. Wants `--inspect=127.0.0.1:0` among the `nodeArgs` of the start. */
  async memory(): Promise<{ readonly residentBytes: number; readonly heapUsedBytes: number }> {
    await collectGarbage(/ws:\/\/127\.0\.0\.1:\d+\/[\w-]+/.exec(this.log)?.[0] ?? "");
    return {
      residentBytes: await this.metric("process_resident_memory_bytes"),
      heapUsedBytes: await this.metric("nodejs_heap_size_used_bytes"),
    };
  }

  /** Processor time used so far, user and system, in seconds. */
  async cpuSeconds(): Promise<number> {
    return this.metric("process_cpu_seconds_total");
  }

  /** Sends SIGTERM and waits for the exit code. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  /** Sends a signal, and doesn't wait for what comes of it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves with its exit code, which is null when a signal ended it. */
  async exited(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    return this.#child.exitCode;
  }

  /** What its admin server says about its readiness. */
  async readiness(): Promise<{
    readonly status: number;
    readonly reasons: readonly string[];
    readonly degraded?: readonly string[];
  }> {
    const response = await fetch(`${this.adminUrl}/readyz`);
    const body = (await response.json()) as { reasons: string[]; degraded?: string[] };
    return { status: response.status, ...body };
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }
}

function withFileLimit(openFiles: number, command: readonly string[]): string[] {
  return ["bash", "-c", `ulimit -n ${openFiles}; exec "$@"`, "bash", ...command];
}

/** An event that was logged, in either format: the pretty one writes its name before its fields. */
function parse(line: string): { readonly event?: string } | null {
  const pretty = /\): (\w+) (\{.*\})$/.exec(line);
  try {
    if (pretty !== null) return { ...(JSON.parse(String(pretty[2])) as object), event: String(pretty[1]) };
    return JSON.parse(line) as { readonly event?: string };
  } catch {
    // Not one of ours: kept in the log, for whoever reads a failure.
    return null;
  }
}
