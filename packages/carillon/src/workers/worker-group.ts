import type { RunningAddresses } from "../carillon-process.ts";
import { Worker, type WorkerOptions } from "./worker.ts";

/** How a group of workers is started. */
export interface WorkerGroupOptions extends Omit<WorkerOptions, "index"> {
  readonly count: number;
  /** Port of the first one's metrics and health; the others have those behind it. 0 = any free ones. */
  readonly adminPort: number;
}

/**
 * Processes that share a port: the system gives each new connection to one of them. To the cluster each is a gateway of its own,
 * with its own metrics and health.
 */
export class WorkerGroup {
  readonly #workers: readonly Worker[];

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  /**
   * Resolves when all of them accept connections. Rejects with WorkerStartError, and none of them is left: the first one starts
   * alone, so what is wrong for all is said once.
   */
  static async start({ count, adminPort, flags, ...shared }: WorkerGroupOptions): Promise<WorkerGroup> {
    const start = (index: number) => {
      const port = adminPort === 0 ? 0 : adminPort + index;
      return Worker.start({ ...shared, index, flags: { ...flags, adminPort: String(port) } });
    };
    const first = await start(0);
    const others = await Promise.allSettled(Array.from({ length: count - 1 }, (_, each) => start(each + 1)));
    const workers = [first, ...others.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []))];
    const failed = others.find((each) => each.status === "rejected");
    if (failed === undefined) return new WorkerGroup(workers);
    for (const worker of workers) worker.kill();
    throw failed.reason;
  }

  /** Where each is reached. */
  get addresses(): readonly RunningAddresses[] {
    return this.#workers.map(({ addresses }) => addresses);
  }

  /** Has all of them read their configuration again. */
  reload(): void {
    for (const worker of this.#workers) worker.reload();
  }

  /** Drains all of them at once. Resolves when they have ended, with the first exit code that is not 0. Called once. */
  async end(): Promise<number> {
    const exitCodes = await Promise.all(this.#workers.map((worker) => worker.end()));
    return exitCodes.find((code) => code !== 0) ?? 0;
  }

  /** Ends all of them at once, without draining. */
  kill(): void {
    for (const worker of this.#workers) worker.kill();
  }
}
