import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Disposal } from "../bench/disposal.ts";
import { startJetStream } from "../bench/nats-server.ts";
import { REPOSITORY } from "../bench/repository.ts";
import { ServerProcess } from "../bench/server-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const CARILLON = join(REPOSITORY, "packages/carillon/bin/carillon.js");
const APP_KEY = "load-key";

/** An installation that was started for a load test. */
export interface LocalSystem {
  /** All of its processes, as they are at the moment. */
  readonly processes: readonly ServerProcess[];
  /** How clients and publishers reach it, as settings. */
  readonly variables: Readonly<Record<string, string>>;
  /** Replaces one gateway after the other, each with its clients on it: drains it, and starts a new one at its address. */
  rollGateways(): Promise<void>;
}

/** Starts nats-server, gateways and a publisher on free ports of this machine, which end with `stack`. */
export async function startLocalSystem(gatewayCount: number, stack: Disposal): Promise<LocalSystem> {
  const folder = await temporaryFolder("carillon-load-", stack);
  const secret = randomBytes(24).toString("hex");
  const publishSecret = randomBytes(24).toString("hex");
  const config = join(folder, "carillon.yaml");
  await writeFile(config, configText(secret, publishSecret));
  const nats = await startJetStream(folder, 1, stack);
  // The system chooses the ports, as thousands of outgoing connections take some at any moment.
  const start = async (role: string, port = 0): Promise<ServerProcess> => {
    const where = ["--host", "127.0.0.1", "--port", String(port), "--admin-port", "0"];
    const args = [role, ...where, "--nats", nats.urls, "--config", config, "--log-format", "json"];
    return stack.use(await startNode(role, args));
  };
  const gateways: ServerProcess[] = [];
  while (gateways.length < gatewayCount) gateways.push(await start("gateway"));
  const ports = gateways.map(portOf);
  const publisher = await start("publisher");
  return {
    get processes() {
      return [...gateways, publisher, ...nats.servers];
    },
    variables: {
      URL: ports.map((port) => `ws://127.0.0.1:${port}`).join(","),
      PUBLISH_URL: `http://127.0.0.1:${portOf(publisher)}`,
      KEY: APP_KEY,
      SECRET: secret,
      PUBLISH_SECRET: publishSecret,
      HISTORY: "yes",
    },
    rollGateways: async () => {
      for (const [index, port] of ports.entries()) {
        await gateways[index]?.[Symbol.asyncDispose]();
        gateways[index] = await start("gateway", port);
      }
    },
  };
}

/** Where it says that it listens. */
function portOf({ readyLine }: ServerProcess): number {
  const { url } = JSON.parse(readyLine) as { readonly url: string };
  return Number(new URL(url).port);
}

/** What isn't named keeps its default: what is measured is what users run. */
function configText(secret: string, publishSecret: string): string {
  const app = { id: "load", key: APP_KEY, secrets: [secret], publishSecret, clientEvents: { enabled: true } };
  const rule = { match: "load-kept-*", history: { messages: 100, maxAge: 3_600 } };
  const admin = { host: "127.0.0.1" };
  // So short that a rolling update fits a short test; at the end, clients end before the servers. JSON is YAML.
  return JSON.stringify({ apps: [app], channels: [rule], gateway: { drain: { spreadSeconds: 2 } }, admin });
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
