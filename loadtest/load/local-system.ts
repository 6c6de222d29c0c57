import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Disposal } from "../bench/disposal.ts";
import { startJetStream } from "../bench/nats-server.ts";
import { REPOSITORY } from "../bench/repository.ts";
import { freePort, ServerProcess } from "../bench/server-process.ts";

const CARILLON = join(REPOSITORY, "packages/carillon/bin/carillon.js");
const APP_KEY = "load-key";

/** An installation that was started for a load test. */
export interface LocalSystem {
  readonly processes: readonly ServerProcess[];
  /** How clients and publishers reach it, as settings. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Starts nats-server, gateways and a publisher on free ports of this machine, which end with `stack`. */
export async function startLocalSystem(gateways: number, stack: Disposal): Promise<LocalSystem> {
  const folder = await mkdtemp(join(tmpdir(), "carillon-load-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const secret = randomBytes(24).toString("hex");
  const publishSecret = randomBytes(24).toString("hex");
  const config = join(folder, "carillon.yaml");
  await writeFile(config, configText(secret, publishSecret));
  const nats = await startJetStream(folder, 1, stack);
  const start = async (role: string): Promise<{ process: ServerProcess; port: number }> => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const where = ["--host", "127.0.0.1", "--port", String(port), "--admin-port", String(adminPort)];
    const process = await startNode(role, [role, ...where, "--nats", nats.urls, "--config", config, "--log-format", "json"]);
    return { process: stack.use(process), port };
  };
  const started = [];
  while (started.length < gateways) started.push(await start("gateway"));
  const publisher = await start("publisher");
  return {
    processes: [...started.map(({ process }) => process), publisher.process, ...nats.servers],
    variables: {
      URL: started.map(({ port }) => `ws://127.0.0.1:${port}`).join(","),
      PUBLISH_URL: `http://127.0.0.1:${publisher.port}`,
      KEY: APP_KEY,
      SECRET: secret,
      PUBLISH_SECRET: publishSecret,
      HISTORY: "yes",
    },
  };
}

/** What isn't named keeps its default: what is measured is what users run. */
function configText(secret: string, publishSecret: string): string {
  const app = { id: "load", key: APP_KEY, secrets: [secret], publishSecret, clientEvents: { enabled: true } };
  const rule = { match: "load-kept-*", history: { messages: 100, maxAge: 3_600 } };
  // The clients end before the servers, so there is nobody to wait for. JSON is YAML.
  return JSON.stringify({ apps: [app], channels: [rule], gateway: { drain: { spreadSeconds: 0 } } });
}

async function startNode(role: string, args: readonly string[]): Promise<ServerProcess> {
  return await ServerProcess.start({
    role,
    command: process.execPath,
    args: [CARILLON, ...args],
    cwd: REPOSITORY,
    isReadyLine: (line) => line.includes('"event":"ready"'),
  });
}
