import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HistorySetup } from "./carillon-config.ts";
import { carillonConfig, PUBLISH_SECRET } from "./carillon-config.ts";
import type { ContenderName, GatewayProcess, RunningContender } from "./contender.ts";
import { isPeer } from "./contender.ts";
import type { StartedContender } from "./contender-parts.ts";
import { ContenderParts } from "./contender-parts.ts";
import type { Target } from "./generator/messages.ts";
import { startJetStream, startNats } from "./nats-server.ts";
import { BENCH, REPOSITORY } from "./repository.ts";
import type { ServerProcess } from "./server-process.ts";
import { freePort } from "./server-process.ts";

const CARILLON = join(REPOSITORY, "packages/carillon/bin/carillon.js");

/** What clients of Carillon can speak here. */
export type CarillonDialect = "native" | "pusher";

/** Where Carillon's gateway takes the clients of a protocol. */
const SOCKET_PATHS: Readonly<Record<CarillonDialect, string>> = {
  native: "/ws?key=app-key",
  pusher: "/app/app-key?protocol=7&client=js&version=8.6.0&flash=false",
};

/** Interest of the contenders that don't have the default. */
const INTERESTS: Partial<Record<ContenderName, "exact" | "partition">> = {
  "carillon-exact": "exact",
  "carillon-partition": "partition",
};

/** What a publish to Carillon says besides. */
const PUBLISH_HEADERS = `x-publish-secret: ${PUBLISH_SECRET}\r\n`;

/** Apps of the contender that has many. */
const MANY_APPS = 1_000;

/** Processes of the gateway that has several. */
const WORKERS = 2;

/** How to start contenders. */
export interface StartOptions {
  /** Folder for CPU profiles of the Node processes, which each of them writes as it ends; null for none. */
  readonly profileFolder: string | null;
  /** True: the gateway's inspector is open. */
  readonly isInspected: boolean;
  /** What is kept of the bench's channels; null for nothing, and then nats-server has no JetStream. */
  readonly history: HistorySetup | null;
  /** What Carillon's clients speak. */
  readonly dialect: CarillonDialect;
  /** Gateway processes, of Carillon only. */
  readonly gateways: number;
  /** How long Carillon's interest in a channel outlives its last subscriber; null: as long as by default. */
  readonly lingerSeconds: number | null;
}

/** Starts a contender's processes, new ones each time, and waits until all accept connections. */
export async function startContender(name: ContenderName, options: StartOptions): Promise<RunningContender> {
  if (isPeer(name)) throw new Error(`${name} takes part in make bench-peers only`);
  return await ContenderParts.launch(options.isInspected, async (parts) => {
    const launcher = new Launcher(name, options, parts);
    if (name === "bare") return await launcher.bare();
    if (name === "bridge") return await launcher.bridge();
    if (name === "least") return await launcher.least();
    if (name === "carillon-dev") return await launcher.carillonDev();
    return await launcher.carillon();
  });
}

interface NatsServers {
  readonly servers: readonly ServerProcess[];
  readonly urls: string;
}

/** How a contender's clients are connected. */
function wayOf(name: ContenderName, dialect: CarillonDialect): Pick<Target, "socketPath" | "transport"> {
  if (name === "carillon-sse") return { socketPath: "/sse?key=app-key", transport: "sse" };
  if (name === "carillon-poll") return { socketPath: "/poll?key=app-key", transport: "poll" };
  return { socketPath: SOCKET_PATHS[dialect] };
}

class Launcher {
  readonly #name: ContenderName;
  readonly #options: StartOptions;
  readonly #parts: ContenderParts;

  constructor(name: ContenderName, options: StartOptions, parts: ContenderParts) {
    this.#name = name;
    this.#options = options;
    this.#parts = parts;
  }

  async bare(): Promise<StartedContender> {
    const port = await freePort();
    const process = await this.#node("gateway", [join(BENCH, "bare.js"), "--port", String(port)]);
    const target = { socketPath: "/ws", publishPort: port, publishHeaders: "" };
    return {
      name: this.#name,
      gateways: [{ process, socketPort: port, adminPort: null }],
      others: [],
      natsUrls: "",
      target,
    };
  }

  async bridge(): Promise<StartedContender> {
    const { history } = this.#options;
    const nats = await this.#nats(await this.#parts.folder());
    if (history === null) return await this.#pair("bridge.js", nats);
    const copies = ["--messages", String(history.messages), "--replicas", String(history.replicas)];
    return await this.#pair("bridge.js", nats, ["history-bridge.js", ...copies]);
  }

  async least(): Promise<StartedContender> {
    return await this.#pair("least.js", await this.#nats(await this.#parts.folder()));
  }

  /** Gateway and publisher in one process, which needs no NATS. */
  async carillonDev(): Promise<StartedContender> {
    const config = await this.#config(await this.#parts.folder());
    const [port, adminPort] = [await freePort(), await freePort()];
    const ports = ["--host", "127.0.0.1", "--port", String(port), "--admin-port", String(adminPort)];
    const args = [CARILLON, "dev", ...ports, "--config", config, "--log-format", "json"];
    const process = await this.#node("gateway", args);
    const { dialect } = this.#options;
    return {
      name: this.#name,
      gateways: [{ process, socketPort: port, adminPort }],
      others: [],
      natsUrls: "",
      target: { ...wayOf(this.#name, dialect), dialect, publishPort: port, publishHeaders: PUBLISH_HEADERS },
    };
  }

  async carillon(): Promise<StartedContender> {
    const folder = await this.#parts.folder();
    const nats = await this.#nats(folder);
    const config = await this.#config(folder);
    const start = async (role: string) => {
      const hasWorkers = role === "gateway" && this.#name === "carillon-workers";
      // Each worker has an admin port of its own: 0 has the system choose them all.
      const [port, adminPort] = [await freePort(), hasWorkers ? 0 : await freePort()];
      const workers = hasWorkers ? ["--workers", String(WORKERS)] : [];
      const ports = ["--host", "127.0.0.1", "--port", String(port), "--admin-port", String(adminPort), ...workers];
      const rest = ["--nats", nats.urls, "--config", config, "--log-format", "json"];
      return { process: await this.#node(role, [CARILLON, role, ...ports, ...rest]), port, adminPort };
    };
    const gateway = async (): Promise<GatewayProcess> => {
      const { process, port, adminPort } = await start("gateway");
      return { process, socketPort: port, adminPort };
    };
    const gateways: [GatewayProcess, ...GatewayProcess[]] = [await gateway()];
    while (gateways.length < this.#options.gateways) gateways.push(await gateway());
    const publisher = await start("publisher");
    const { dialect } = this.#options;
    return {
      name: this.#name,
      gateways,
      others: [publisher.process, ...nats.servers],
      natsUrls: nats.urls,
      target: {
        ...wayOf(this.#name, dialect),
        dialect,
        publishPort: publisher.port,
        publishHeaders: PUBLISH_HEADERS,
        apps: this.#apps,
      },
    };
  }

  /** A gateway and a publisher that are one script, unless another one is given for the publisher. */
  async #pair(script: string, nats: NatsServers, publisherArgs = [script, "publisher"]): Promise<StartedContender> {
    const [socketPort, publishPort] = [await freePort(), await freePort()];
    const start = (role: string, [file = "", ...args]: readonly string[], port: number) =>
      this.#node(role, [join(BENCH, file), ...args, "--port", String(port), "--nats", nats.urls]);
    const process = await start("gateway", [script, "gateway"], socketPort);
    const publisher = await start("publisher", publisherArgs, publishPort);
    return {
      name: this.#name,
      gateways: [{ process, socketPort, adminPort: null }],
      others: [publisher, ...nats.servers],
      natsUrls: nats.urls,
      target: { socketPath: "/ws", publishPort, publishHeaders: "" },
    };
  }

  get #apps(): number {
    return this.#name === "carillon-apps" ? MANY_APPS : 1;
  }

  /** Writes Carillon's configuration; gives the file's path. */
  async #config(folder: string): Promise<string> {
    const file = join(folder, "carillon.yaml");
    const interest = INTERESTS[this.#name] ?? "auto";
    const { history, lingerSeconds } = this.#options;
    await writeFile(file, carillonConfig({ interest, history, apps: this.#apps, lingerSeconds }));
    return file;
  }

  async #nats(folder: string): Promise<NatsServers> {
    const { history } = this.#options;
    if (history !== null) return await startJetStream(folder, history.replicas, this.#parts.stack);
    const { server, url } = await startNats();
    return { servers: [this.#parts.stack.use(server)], urls: url };
  }

  async #node(role: string, args: readonly string[]): Promise<ServerProcess> {
    return await this.#parts.server({
      role,
      command: process.execPath,
      args: [...this.#nodeOptions(role), ...args],
      cwd: REPOSITORY,
      isReadyLine: (line) => line.includes('"event":"ready"'),
    });
  }

  #nodeOptions(role: string): string[] {
    const { profileFolder } = this.#options;
    const inspector = role === "gateway" ? this.#parts.inspectorOptions : [];
    if (profileFolder === null) return [...inspector];
    const profile = `${this.#name}-${role}-${Date.now()}.cpuprofile`;
    return [...inspector, "--cpu-prof", "--cpu-prof-dir", profileFolder, "--cpu-prof-name", profile];
  }
}
