import { type ChildProcess, fork } from "node:child_process";
import type { Clock } from "@carillon/core";
import type { Logger } from "@carillon/service";
import type { RunningAddresses } from "../carillon-process.ts";
import type { ServerFlags } from "../cli/main.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./worker-message.ts";

/** A worker ended before it accepted connections. What was wrong it has said itself, on standard error. */
export class WorkerStartError extends Error {
  /** The worker's, one of EXIT_CODES. */
  readonly exitCode: number;
  override readonly name = "WorkerStartError";

  constructor(exitCode: number) {
    super("a worker could not start, and has said why");
    this.exitCode = exitCode;
  }
}

/** How a worker is started, and started again. */
export interface WorkerOptions {
  /** The file that is the command line. */
  readonly bin: string;
  readonly index: number;
  readonly flags: ServerFlags;
  readonly clock: Clock;
  /** A number in [0, 1), so that workers that died together are not started together. */
  readonly random: () => number;
  readonly log: Logger;
}

/** The command that makes a process a worker; nobody types it. */
export const WORKER_COMMAND = "worker";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A worker that has lived this long was well: what ends it then is news, and not the same trouble again. */
const WELL_AFTER_MS = 60_000;

/** One of several processes that share a port. It is replaced when it ends before it was asked to. */
export class Worker {
  readonly #options: WorkerOptions;
  #child: ChildProcess;
  #addresses: RunningAddresses;
  #startedAtMs: number;
  #failures = 0;
  #isEnding = false;
  #cancelRestart: (() => void) | null = null;
  #onEnded: (exitCode: number) => void = () => undefined;

  private constructor(options: WorkerOptions, child: ChildProcess, addresses: RunningAddresses) {
    this.#options = options;
    this.#addresses = addresses;
    this.#child = child;
    this.#startedAtMs = options.clock.monotonic();
    this.#watch(child);
  }

  /** Resolves when it accepts connections. Rejects with WorkerStartError when it ends before that; it is not started again then. */
  static async start(options: WorkerOptions): Promise<Worker> {
    const child = launch(options);
    return new Worker(options, child, await readyOf(child));
  }

  /** Where it is reached; of its last start when it is being replaced. */
  get addresses(): RunningAddresses {
    return this.#addresses;
  }

  /** Has it read its configuration again. */
  reload(): void {
    this.#tell({ type: "reload" });
  }

  /** Has it drained; resolves with its exit code when it has ended. Called once. */
  end(): Promise<number> {
    this.#isEnding = true;
    this.#cancelRestart?.();
    if (hasEnded(this.#child)) return Promise.resolve(0);
    const ended = new Promise<number>((resolve) => {
      this.#onEnded = resolve;
    });
    this.#tell({ type: "drain" });
    return ended;
  }

  /** Ends it at once. */
  kill(): void {
    this.#isEnding = true;
    this.#cancelRestart?.();
    this.#child.kill("SIGKILL");
  }

  #tell(message: ToWorker): void {
    // A failure means that it has ended, which is heard of in another way.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #watch(child: ChildProcess): void {
    child.on("error", () => {
      // Where the system has no room for another process there is no exit to hear of. Any other is a message that didn't reach it.
      if (child.pid === undefined) this.#onExit(exitCodeOf(null), null);
    });
    child.once("exit", (code, signal) => this.#onExit(exitCodeOf(code), signal));
  }

  #onExit(exitCode: number, signal: NodeJS.Signals | null): void {
    if (this.#isEnding) {
      this.#onEnded(exitCode);
      return;
    }
    const { clock, index, log, random } = this.#options;
    if (clock.monotonic() - this.#startedAtMs >= WELL_AFTER_MS) this.#failures = 0;
    const longestMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    const pauseMs = Math.round(longestMs * (0.5 + random() / 2));
    this.#failures++;
    log.error("worker_ended", { worker: index, exitCode, signal, restartInMs: pauseMs });
    const timer = setTimeout(() => void this.#restart(), pauseMs);
    this.#cancelRestart = () => clearTimeout(timer);
  }

  async #restart(): Promise<void> {
    this.#startedAtMs = this.#options.clock.monotonic();
    let child: ChildProcess;
    try {
      child = launch(this.#options);
    } catch {
      // As above: Node tells some reasons in this way.
      this.#onExit(exitCodeOf(null), null);
      return;
    }
    this.#child = child;
    this.#watch(child);
    try {
      this.#addresses = await readyOf(child);
    } catch {
      // Its end was heard of already: it will be started again.
    }
  }
}

function launch({ bin, index, flags }: WorkerOptions): ChildProcess {
  const child = fork(bin, [WORKER_COMMAND]);
  const start: WorkerStart = { type: "start", index, flags };
  // One that could not be made has nothing to send by.
  if (child.pid !== undefined) child.send(start, () => undefined);
  return child;
}

function readyOf(child: ChildProcess): Promise<RunningAddresses> {
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve((message as FromWorker).addresses));
    child.once("exit", (code) => reject(new WorkerStartError(exitCodeOf(code))));
    child.once("error", reject);
  });
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** One that a signal ended has none of its own. */
function exitCodeOf(code: number | null): number {
  return code ?? 1;
}
