import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContenderName, GatewayProcess, RunningContender } from "./contender.ts";
import { Disposal } from "./disposal.ts";
import type { Target } from "./generator/messages.ts";
import { childrenOf } from "./process-usage.ts";
import type { ServerOptions } from "./server-process.ts";
import { freePort, ServerProcess } from "./server-process.ts";

/** The processes of a contender, as they were started. */
export interface StartedContender {
  readonly name: ContenderName;
  readonly gateways: readonly [GatewayProcess, ...GatewayProcess[]];
  /** All others, nats-servers last. */
  readonly others: readonly ServerProcess[];
  readonly natsUrls: string;
  readonly target: Omit<Target, "socketPort">;
}

/** The processes and folders of one contender: they go when it does. */
export class ContenderParts {
  /** What else is to go with them. */
  readonly stack = new Disposal();
  /** Where the inspector of its gateway listens; null for none. */
  readonly inspectorPort: number | null;

  private constructor(inspectorPort: number | null) {
    this.inspectorPort = inspectorPort;
  }

  /** Has `start` start a contender. When that fails, what it has started by then goes. */
  static async launch(
    isInspected: boolean,
    start: (parts: ContenderParts) => Promise<StartedContender>,
  ): Promise<RunningContender> {
    const parts = new ContenderParts(isInspected ? await freePort() : null);
    try {
      return parts.#running(await start(parts));
    } catch (error) {
      await parts.stack[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Options of Node for the process that holds the connections. */
  get inspectorOptions(): readonly string[] {
    return this.inspectorPort === null ? [] : [`--inspect=127.0.0.1:${this.inspectorPort}`];
  }

  /** Starts a process, and waits until it accepts connections. */
  async server(options: ServerOptions): Promise<ServerProcess> {
    return this.stack.use(await ServerProcess.start(options));
  }

  /** Makes a folder for files. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "carillon-bench-"));
    this.stack.defer(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  #running({ name, gateways, others, natsUrls, target }: StartedContender): RunningContender {
    return {
      name,
      target: { ...target, socketPort: gateways[0].socketPort },
      processes: [...gateways.map(({ process }) => process), ...others],
      gateway: gateways[0].process,
      gateways,
      workerPids: childrenOf(gateways[0].process.pid),
      natsUrls,
      inspectorPort: this.inspectorPort,
      [Symbol.asyncDispose]: () => this.stack[Symbol.asyncDispose](),
    };
  }
}
