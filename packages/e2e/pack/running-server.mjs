import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** An installed `carillon dev` on a free port. */
export class RunningServer {
  #child;

  constructor(child, url) {
    this.#child = child;
    this.url = url;
  }

  /** Starts the one that an application has installed; rejects with what it printed when it ends before it is ready. */
  static async start(folder) {
    const flags = ["--host", "127.0.0.1", "--port", "0", "--admin-port", "0", "--log-format", "json"];
    const program = join(folder, "node_modules/.bin/carillon");
    const child = spawn(program, ["dev", ...flags], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    let printed = "";
    child.stderr.on("data", (data) => {
      printed += data;
    });
    for await (const line of createInterface({ input: child.stdout })) {
      printed += `${line}\n`;
      const url = line.includes('"event":"ready"') ? JSON.parse(line).url : undefined;
      if (url === undefined) continue;
      child.stdout.resume();
      return new RunningServer(child, url);
    }
    throw new Error(`carillon dev has ended:\n${printed}`);
  }

  /** SIGTERM; resolves with the exit code. */
  async stop() {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const [code] = await exited;
    return code;
  }
}
