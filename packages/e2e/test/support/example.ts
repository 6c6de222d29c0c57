import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pack } from "../../pack/pack.mjs";
import { ROOT } from "./run.ts";

const execute = promisify(execFile);

/** Folders below packages/ of what an example may depend on by name. */
const PUBLISHED: Readonly<Record<string, string>> = {
  "@carillon/client": "client",
  "@carillon/react": "react",
  "@carillon/server": "server",
  carillon: "carillon",
};

const READY_WITHIN_MS = 60_000;

/** A folder of examples/ as a user has it: copied to an empty place, with packages that were packed as they are published. */
export class Example implements AsyncDisposable {
  readonly folder: string;
  readonly #around: string;

  private constructor(around: string) {
    this.#around = around;
    this.folder = join(around, "example");
  }

  static async copy(name: string): Promise<Example> {
    const example = new Example(await mkdtemp(join(tmpdir(), "carillon-example-")));
    const from = join(ROOT, "examples", name);
    const made = [".next", "node_modules", "next-env.d.ts"].map((each) => join(from, each));
    await cp(from, example.folder, { recursive: true, filter: (path) => !made.includes(path) });
    return example;
  }

  /** `npm install`, with tarballs in the place of what is not in a registry before it is published. */
  async install(): Promise<void> {
    const file = join(this.folder, "package.json");
    const manifest = JSON.parse(await readFile(file, "utf8")) as { dependencies: Record<string, string> };
    for (const name of Object.keys(manifest.dependencies)) {
      const folder = PUBLISHED[name];
      if (folder === undefined) continue;
      const { tarball } = await pack(folder, this.#around);
      manifest.dependencies[name] = `file:${tarball}`;
    }
    await writeFile(file, JSON.stringify(manifest));
    await this.run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"]);
  }

  /** Runs a program in the folder to its end. Rejects with all it printed when it fails. */
  async run(command: string, args: readonly string[]): Promise<void> {
    try {
      await execute(command, args, { cwd: this.folder, env: environment() });
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { readonly stdout?: string; readonly stderr?: string };
      throw new Error(`${command} ${args.join(" ")} failed\n${stdout}${stderr}`, { cause: error });
    }
  }

  /** Runs a server in the folder; it is ready when it has printed something that `ready` finds, whose first group is its address. */
  start(args: readonly string[], { ready, env = {} }: ServerOptions): Promise<ExampleServer> {
    return ExampleServer.start(args, { cwd: this.folder, env: { ...environment(), ...env }, ready });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#around, { recursive: true, force: true, maxRetries: 5 });
  }
}

interface ServerOptions {
  readonly ready: RegExp;
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that Node runs for as long as a test wants it. */
export class ExampleServer implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async start(
    args: readonly string[],
    { ready, cwd, env }: { readonly ready: RegExp; readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  ): Promise<ExampleServer> {
    // A group of its own: `next dev` has processes below it, and none is to outlive the test.
    const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let printed = "";
    const url = await new Promise<string>((resolve, reject) => {
      const fail = (what: string) => reject(new Error(`${args.join(" ")} ${what}:\n${printed}`));
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        fail("was not ready in time");
      }, READY_WITHIN_MS);
      child.once("exit", (code) => fail(`exited with ${code}`));
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (data: Buffer) => {
          printed += data.toString();
          const address = ready.exec(printed)?.[1];
          if (address === undefined) return;
          clearTimeout(timer);
          resolve(address);
        });
      }
    });
    return new ExampleServer(url, child);
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const [code] = (await exited) as [number | null];
    return code;
  }

  /** kill -9, with all that it has started. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    process.kill(-(this.#child.pid as number), "SIGKILL");
    await exited;
  }
}

/** The machine's own, without what a test runner sets, and with nobody told of what is built. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_ENV: _mode, NODE_OPTIONS: _options, ...own } = process.env;
  return { ...own, NEXT_TELEMETRY_DISABLED: "1" } as NodeJS.ProcessEnv;
}
