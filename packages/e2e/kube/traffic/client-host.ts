import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { PodNetwork } from "../pod-network.ts";
import { ADDRESSES, REPOSITORY } from "../sandbox.ts";
import { shell } from "../shell.ts";

const NAMESPACE = "clients";
const PROGRAMS = `${REPOSITORY}/packages/e2e/dist/kube/traffic`;

/** A host beside the cluster, with tens of thousands of addresses, so that each client can have one of its own. */
export class ClientHost implements AsyncDisposable {
  readonly #network: PodNetwork;
  readonly #namespaceFile: string;
  readonly #processes: ChildProcess[] = [];

  private constructor(network: PodNetwork, namespaceFile: string) {
    this.#network = network;
    this.#namespaceFile = namespaceFile;
  }

  static async start(network: PodNetwork): Promise<ClientHost> {
    const { address, namespaceFile } = await network.attach(NAMESPACE);
    // All of these addresses are this host's own, without being listed one by one.
    await shell(`
      ip -n ${NAMESPACE} route add local ${ADDRESSES.clients} dev lo
      ip route replace ${ADDRESSES.clients} via ${address}
    `);
    return new ClientHost(network, namespaceFile);
  }

  /** Starts a program of this folder there, compiled, with a channel for messages. */
  spawn(program: string): ChildProcess {
    const child = spawn("nsenter", [`--net=${this.#namespaceFile}`, process.execPath, `${PROGRAMS}/${program}.js`], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#processes.push(child);
    return child;
  }

  /** Runs a program there to its end; resolves with its exit code and all that it said. */
  async run(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<{ readonly code: number | null; readonly output: string }> {
    const child = spawn("nsenter", [`--net=${this.#namespaceFile}`, ...command], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#processes.push(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => {
        output += data.toString();
      });
    }
    const [code] = (await once(child, "close")) as [number | null];
    return { code, output };
  }

  /** Ends its processes, and takes it away. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#processes) {
      if (each.exitCode !== null || each.signalCode !== null) continue;
      const exited = once(each, "exit");
      each.kill("SIGKILL");
      await exited;
    }
    await this.#network.detach(NAMESPACE);
  }
}

/** The address of a client, by its number. */
export function sourceAddress(client: number): string {
  return `10.245.${client >> 8}.${client & 255}`;
}
