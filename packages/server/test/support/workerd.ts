import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** A worker to run. */
export interface WorkerdOptions {
  /** The worker's modules by name; the first one is the worker itself. */
  readonly modules: Readonly<Record<string, string>>;
  readonly compatibilityDate: string;
}

/** A real workerd, the runtime of Cloudflare's Workers, that serves one worker. Ends with `await using`. */
export class Workerd implements AsyncDisposable {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(parts: { readonly process: ChildProcess; readonly folder: string; readonly port: number }) {
    this.#process = parts.process;
    this.#folder = parts.folder;
    this.url = `http://127.0.0.1:${parts.port}`;
  }

  static async start(options: WorkerdOptions): Promise<Workerd> {
    const folder = await mkdtemp(join(tmpdir(), "carillon-workerd-"));
    for (const [name, text] of Object.entries(options.modules)) await writeFile(join(folder, `${name}.js`), text);
    await writeFile(join(folder, "config.capnp"), configOf(options));
    const args = ["serve", join(folder, "config.capnp"), "--control-fd=3"];
    const child = spawn(program(), args, { stdio: ["ignore", "ignore", "pipe", "pipe"] });
    try {
      return new Workerd({ process: child, folder, port: await portOf(child) });
    } catch (error) {
      child.kill();
      await rm(folder, { recursive: true });
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#process, "exit");
    this.#process.kill();
    await exited;
    await rm(this.#folder, { recursive: true });
  }
}

/** The port that it says it listens on; rejects with its own words when it ends before. */
async function portOf(child: ChildProcess): Promise<number> {
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const { event, port } = JSON.parse(line) as { readonly event: string; readonly port?: number };
    if (event === "listen" && port !== undefined) return port;
  }
  throw new Error(`workerd has ended: ${said}`);
}

function configOf({ modules, compatibilityDate }: WorkerdOptions): string {
  const embedded = Object.keys(modules).map((name) => `(name = "${name}", esModule = embed "${name}.js")`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (modules = [${embedded.join(", ")}], compatibilityDate = "${compatibilityDate}")),
    (name = "internet", network = (allow = ["private"]))
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
`;
}

/** Where the package keeps the program for this platform. It has no types. */
function program(): string {
  const { default: path } = createRequire(import.meta.url)("workerd") as { readonly default: string };
  return path;
}
