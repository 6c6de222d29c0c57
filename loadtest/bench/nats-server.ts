import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { REPOSITORY } from "./repository.ts";
import { freePort, ServerProcess } from "./server-process.ts";

const ENSURE = join(REPOSITORY, "packages/testkit/tools/ensure-nats-server.mjs");

let binary: string | null = null;

/** The path of the nats-server binary, which is fetched first where there is none. */
export async function natsServerBinary(): Promise<string> {
  if (binary !== null) return binary;
  const { stdout } = await promisify(execFile)(process.execPath, [ENSURE]);
  binary = stdout.trim();
  return binary;
}

/** Starts a nats-server without JetStream on a free port. */
export async function startNats(): Promise<{ readonly server: ServerProcess; readonly url: string }> {
  const port = await freePort();
  const server = await ServerProcess.start({
    role: "nats",
    command: await natsServerBinary(),
    args: ["-a", "127.0.0.1", "-p", String(port)],
    cwd: REPOSITORY,
    isReadyLine: (line) => line.includes("Server is ready"),
  });
  return { server, url: `nats://127.0.0.1:${port}` };
}
