import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (modules = [(name = "worker", esModule = embed "worker.js")], compatibilityDate = "2026-11-01")),
    (name = "internet", network = (allow = ["private"]))
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
`;

/** Serves one worker, given as text, with the runtime of Cloudflare's Workers; resolves with what it answers to `body`. */
export async function askWorker(worker, { folder, body }) {
  await writeFile(join(folder, "worker.js"), worker);
  await writeFile(join(folder, "config.capnp"), CONFIG);
  const { default: program } = createRequire(import.meta.url)("workerd");
  const args = ["serve", join(folder, "config.capnp"), "--control-fd=3"];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (data) => {
    said += data;
  });
  try {
    for await (const line of createInterface({ input: child.stdio[3] })) {
      const { event, port } = JSON.parse(line);
      if (event !== "listen") continue;
      const answer = await fetch(`http://127.0.0.1:${port}`, {
        method: "POST",
        body,
        signal: AbortSignal.timeout(30_000),
      });
      if (!answer.ok) throw new Error(`the worker answered ${answer.status}: ${said}`);
      return await answer.text();
    }
    throw new Error(`workerd has ended: ${said}`);
  } finally {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    }
  }
}
