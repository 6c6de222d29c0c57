import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { carillonConfig, PUBLISH_SECRET } from "./carillon-config.ts";
import type { ContenderName, RunningContender } from "./contender.ts";
import { Disposal } from "./disposal.ts";
import type { Target } from "./generator/messages.ts";
import { startNats } from "./nats-server.ts";
import { BENCH, REPOSITORY } from "./repository.ts";
import { freePort, ServerProcess } from "./server-process.ts";

const CARILLON = join(REPOSITORY, "packages/carillon/bin/carillon.js");

/** How to start contenders. */
interface StartOptions {
  /** Folder for CPU profiles of the Node processes, which each of them writes as it ends; null for none. */
  readonly profileFolder: string | null;
  /** True: the gateway's inspector is open. */
  readonly isInspected: boolean;
}

/** Starts a contender's processes, new ones each time, and waits until all accept connections. */
export async function startContender(name: ContenderName, options: StartOptions): Promise<RunningContender> {
  const stack = new Disposal();
  try {
    const launcher = new Launcher(name, options, stack, options.isInspected ? await freePort() : null);
    if (name === "bare") return await launcher.bare();
    if (name === "bridge") return await launcher.bridge();
    return await launcher.carillon();
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

class Launcher {
  readonly #name: ContenderName;
  readonly #options: StartOptions;
  readonly #stack: Disposal;
  readonly #inspectorPort: number | null;

  constructor(name: ContenderName, options: StartOptions, stack: Disposal, inspectorPort: number | null) {
    this.#name = name;
    this.#options = options;
    this.#stack = stack;
    this.#inspectorPort = inspectorPort;
  }

  async bare(): Promise<RunningContender> {
    const port = await freePort();
    const gateway = await this.#node("gateway", [join(BENCH, "bare.js"), "--port", String(port)]);
    return this.#running([gateway], { socketPort: port, socketPath: "/ws", publishPort: port, publishHeaders: "" });
  }

  async bridge(): Promise<RunningContender> {
    const nats = await startNats();
    this.#stack.use(nats.server);
    const [socketPort, publishPort] = [await freePort(), await freePort()];
    const args = (role: string, port: number) => [
      join(BENCH, "bridge.js"),
      role,
      "--port",
      String(port),
      "--nats",
      nats.url,
    ];
    const gateway = await this.#node("gateway", args("gateway", socketPort));
    const publisher = await this.#node("publisher", args("publisher", publishPort));
    const target = { socketPort, socketPath: "/ws", publishPort, publishHeaders: "" };
    return this.#running([gateway, publisher, nats.server], target);
  }

  async carillon(): Promise<RunningContender> {
    const nats = await startNats();
    this.#stack.use(nats.server);
    const folder = await mkdtemp(join(tmpdir(), "carillon-bench-"));
    this.#stack.defer(() => rm(folder, { recursive: true, force: true }));
    const config = join(folder, "carillon.yaml");
    await writeFile(config, carillonConfig({ interest: this.#name === "carillon-partition" ? "partition" : "exact" }));
    const [socketPort, publishPort] = [await freePort(), await freePort()];
    const args = async (role: string, port: number) => {
      const ports = ["--host", "127.0.0.1", "--port", String(port), "--admin-port", String(await freePort())];
      return [CARILLON, role, ...ports, "--nats", nats.url, "--config", config, "--log-format", "json"];
    };
    const gateway = await this.#node("gateway", await args("gateway", socketPort));
    const publisher = await this.#node("publisher", await args("publisher", publishPort));
    const publishHeaders = `x-publish-secret: ${PUBLISH_SECRET}\r\n`;
    const target = { socketPort, socketPath: "/ws?key=app-key", publishPort, publishHeaders };
    return this.#running([gateway, publisher, nats.server], target);
  }

  async #node(role: string, args: readonly string[]): Promise<ServerProcess> {
    const server = await ServerProcess.start({
      role,
      command: process.execPath,
      args: [...this.#nodeOptions(role), ...args],
      cwd: REPOSITORY,
      isReadyLine: (line) => line.includes('"event":"ready"'),
    });
    return this.#stack.use(server);
  }

  #nodeOptions(role: string): string[] {
    const { profileFolder } = this.#options;
    const inspector =
      role === "gateway" && this.#inspectorPort !== null ? [`--inspect=127.0.0.1:${this.#inspectorPort}`] : [];
    if (profileFolder === null) return inspector;
    const profile = `${this.#name}-${role}-${Date.now()}.cpuprofile`;
    return [...inspector, "--cpu-prof", "--cpu-prof-dir", profileFolder, "--cpu-prof-name", profile];
  }

  #running(processes: readonly [ServerProcess, ...ServerProcess[]], target: Target): RunningContender {
    const stack = this.#stack;
    return {
      name: this.#name,
      target,
      processes,
      gateway: processes[0],
      inspectorPort: this.#inspectorPort,
      [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
    };
  }
}
