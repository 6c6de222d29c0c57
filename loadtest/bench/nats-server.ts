import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { Disposal } from "./disposal.ts";
import { REPOSITORY } from "./repository.ts";
import { freePort, ServerProcess } from "./server-process.ts";

const ENSURE = join(REPOSITORY, "packages/testkit/tools/ensure-nats-server.mjs");

const HEALTHY_DEADLINE_MS = 20_000;
const HEALTHY_POLL_MS = 50;

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
  const server = await launch(["-a", "127.0.0.1", "-p", String(port)]);
  return { server, url: `nats://127.0.0.1:${port}` };
}

/** nats-servers with JetStream, all of one cluster. */
export interface JetStreamServers {
  readonly servers: readonly ServerProcess[];
  /** Addresses of all, with commas between. */
  readonly urls: string;
}

/**
 * Starts nats-servers with JetStream on files below `folder`, and waits until they can keep messages. More than one form a
 * cluster. They end with `stack`, the folder is the caller's.
 */
export async function startJetStream(folder: string, count: number, stack: Disposal): Promise<JetStreamServers> {
  const clientPorts: number[] = [];
  const routePorts: number[] = [];
  for (let index = 0; index < count; index++) {
    clientPorts.push(await freePort());
    routePorts.push(await freePort());
  }
  const routes = count === 1 ? [] : routePorts.map((port) => `nats-route://127.0.0.1:${port}`);
  const started = clientPorts.map((clientPort, index) =>
    startOne({ folder: join(folder, `nats-${index}`), clientPort, routePort: routePorts[index] ?? 0, routes }),
  );
  const servers = (await Promise.all(started)).map((server) => stack.use(server));
  return { servers, urls: clientPorts.map((port) => `nats://127.0.0.1:${port}`).join(",") };
}

interface OneServer {
  readonly folder: string;
  readonly clientPort: number;
  readonly routePort: number;
  /** Empty: it is alone. */
  readonly routes: readonly string[];
}

async function startOne({ folder, clientPort, routePort, routes }: OneServer): Promise<ServerProcess> {
  await mkdir(folder, { recursive: true });
  const monitorPort = await freePort();
  const config = {
    server_name: `bench-${clientPort}`,
    host: "127.0.0.1",
    port: clientPort,
    http: `127.0.0.1:${monitorPort}`,
    jetstream: { store_dir: join(folder, "store") },
    ...(routes.length === 0 ? {} : { cluster: { name: "bench", listen: `127.0.0.1:${routePort}`, routes } }),
  };
  const file = join(folder, "nats.conf");
  // nats-server reads JSON: its own format is a superset.
  await writeFile(file, JSON.stringify(config));
  const server = await launch(["-c", file]);
  await healthy(monitorPort, server);
  return server;
}

/** Resolves when JetStream works: in a cluster, when it has a leader too. */
async function healthy(monitorPort: number, server: ServerProcess): Promise<void> {
  const deadline = performance.now() + HEALTHY_DEADLINE_MS;
  while (performance.now() < deadline && server.isRunning) {
    const answer = await fetch(`http://127.0.0.1:${monitorPort}/healthz`);
    await answer.arrayBuffer();
    if (answer.ok) return;
    await delay(HEALTHY_POLL_MS);
  }
  await server[Symbol.asyncDispose]();
  throw new Error("JetStream of nats-server did not become healthy");
}

async function launch(args: readonly string[]): Promise<ServerProcess> {
  return await ServerProcess.start({
    role: "nats",
    command: await natsServerBinary(),
    args,
    cwd: REPOSITORY,
    isReadyLine: (line) => line.includes("Server is ready"),
  });
}
