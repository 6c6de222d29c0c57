import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PeerName, RunningContender } from "../contender.ts";
import type { StartedContender } from "../contender-parts.ts";
import { ContenderParts } from "../contender-parts.ts";
import type { Target } from "../generator/messages.ts";
import { startNats } from "../nats-server.ts";
import type { ServerOptions, ServerProcess } from "../server-process.ts";
import { freePort } from "../server-process.ts";
import type { InstalledPeers } from "./installed-peers.ts";
import { CENTRIFUGO_API_KEY, centrifugoConfig, SOKETI_APP_KEY, soketiConfig } from "./peer-configs.ts";

/** How to start peers. */
interface PeerOptions {
  /** True: Node's inspector is open. */
  readonly isInspected: boolean;
}

/** Starts a peer's processes, new ones each time, and waits until all accept connections. */
export async function startPeer(
  name: PeerName,
  installed: InstalledPeers,
  { isInspected }: PeerOptions,
): Promise<RunningContender> {
  // Centrifugo is no Node program and has no inspector: its garbage stays where its collector leaves it.
  const isNode = !name.startsWith("centrifugo");
  return await ContenderParts.launch(isInspected && isNode, (parts) =>
    new PeerLauncher(name, installed, parts).start(),
  );
}

/** A peer's processes, as they were started. */
interface StartedPeer {
  readonly server: ServerProcess;
  /** What it needs besides: redis-server or nats-server. */
  readonly others: readonly ServerProcess[];
  readonly target: Target;
}

class PeerLauncher {
  readonly #name: PeerName;
  readonly #installed: InstalledPeers;
  readonly #parts: ContenderParts;

  constructor(name: PeerName, installed: InstalledPeers, parts: ContenderParts) {
    this.#name = name;
    this.#installed = installed;
    this.#parts = parts;
  }

  async start(): Promise<StartedContender> {
    const { server, others, target } = await this.#launch(await freePort());
    const gateway = { process: server, socketPort: target.socketPort, adminPort: null };
    return { name: this.#name, gateways: [gateway], others, natsUrls: "", target };
  }

  async #launch(port: number): Promise<StartedPeer> {
    switch (this.#name) {
      case "ws":
        return await this.#own(port, { socketPath: "/", dialect: "native" });
      case "socketio":
      case "socketio-uws":
      case "socketio-redis":
        return await this.#own(port, { socketPath: "/socket.io/?EIO=4&transport=websocket", dialect: "engine-io" });
      case "soketi":
        return await this.#soketi(port);
      case "centrifugo":
      case "centrifugo-nats":
        return await this.#centrifugo(port);
      default:
        return this.#name satisfies never;
    }
  }

  /** A server of loadtest/peers. */
  async #own(port: number, way: Pick<Target, "socketPath" | "dialect">): Promise<StartedPeer> {
    const redis = this.#name === "socketio-redis" ? await this.#redis() : null;
    const args = [`${this.#name}.mjs`, "--port", String(port), ...(redis === null ? [] : ["--redis", redis.url])];
    const server = await this.#node(args, (line) => line.includes('"event":"ready"'));
    const target = { ...way, socketPort: port, publishPort: port, publishHeaders: "" };
    return { server, others: redis === null ? [] : [redis.server], target };
  }

  async #soketi(port: number): Promise<StartedPeer> {
    const config = await this.#file("soketi.json", soketiConfig(port, await freePort()));
    const args = ["node_modules/@soketi/soketi/bin/server.js", "start", "--config", config];
    const server = await this.#node(args, (line) => line.includes("up and running"));
    const socketPath = `/app/${SOKETI_APP_KEY}?protocol=7&client=js&version=8.6.0&flash=false`;
    const ports = { socketPort: port, publishPort: port };
    const target: Target = { ...ports, socketPath, dialect: "pusher", publishApi: "pusher", publishHeaders: "" };
    return { server, others: [], target };
  }

  async #centrifugo(port: number): Promise<StartedPeer> {
    const { folder, centrifugo } = this.#installed;
    if (centrifugo === null) throw new Error("Centrifugo is not on this machine");
    const nats = this.#name === "centrifugo-nats" ? await startNats() : null;
    const others = nats === null ? [] : [this.#parts.stack.use(nats.server)];
    const config = await this.#file("centrifugo.json", centrifugoConfig(port, nats?.url ?? null));
    const server = await this.#server({
      command: centrifugo,
      args: ["--config", config],
      cwd: folder,
      isReadyLine: (line) => line.includes("serving websocket"),
    });
    const ways = { socketPath: "/connection/websocket", dialect: "centrifugo", publishApi: "centrifugo" } as const;
    const publishHeaders = `X-API-Key: ${CENTRIFUGO_API_KEY}\r\n`;
    return { server, others, target: { ...ways, socketPort: port, publishPort: port, publishHeaders } };
  }

  async #redis(): Promise<{ readonly server: ServerProcess; readonly url: string }> {
    const { folder, redis } = this.#installed;
    if (redis === null) throw new Error("redis-server is not on this machine");
    const port = await freePort();
    const server = await this.#parts.server({
      role: "redis",
      command: redis.command,
      args: ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"],
      cwd: folder,
      env: redis.libraries === "" ? {} : { LD_LIBRARY_PATH: redis.libraries },
      isReadyLine: (line) => line.includes("Ready to accept connections"),
    });
    return { server, url: `redis://127.0.0.1:${port}` };
  }

  async #node(args: readonly string[], isReadyLine: (line: string) => boolean): Promise<ServerProcess> {
    const { folder } = this.#installed;
    const all = [...this.#parts.inspectorOptions, ...args];
    return await this.#server({ command: process.execPath, args: all, cwd: folder, isReadyLine });
  }

  async #server(options: Omit<ServerOptions, "role">): Promise<ServerProcess> {
    return await this.#parts.server({ role: "server", ...options });
  }

  async #file(name: string, content: string): Promise<string> {
    const path = join(await this.#parts.folder(), name);
    await writeFile(path, content);
    return path;
  }
}
