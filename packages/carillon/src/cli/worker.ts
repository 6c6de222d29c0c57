import { createLogger, exitWhenOverdue, type Logger, loadConfig } from "@carillon/service";
import { CarillonProcess } from "../carillon-process.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { FromWorker, ToWorker, WorkerStart } from "../workers/worker-message.ts";
import { UsageError } from "./failures.ts";
import { loadOptions } from "./serve.ts";
import { type Starting, startingOf, tellCrashes, tellStartFailure } from "./start-failure.ts";

/** Runs one of the processes of `--workers`, as the one that started it says. It drains when that one says so, or is gone. */
export async function work(): Promise<void> {
  if (process.send === undefined) {
    throw new UsageError("workers are started by carillon gateway --workers N, and not by hand");
  }
  const message = await startMessage();
  const starting = startingOf("gateway", message.flags);
  try {
    await start(message, starting);
  } catch (error) {
    // The link to the process above would keep this one alive, which has nothing left to do.
    if (process.connected) process.disconnect();
    tellStartFailure(error, starting);
  }
}

async function start({ index, flags }: WorkerStart, starting: Starting): Promise<void> {
  const load = () => loadConfig(loadOptions("gateway", flags));
  const config = await load();
  starting.format = config.log.format;
  const log = createLogger({ format: config.log.format, level: config.log.level, role: "gateway" });
  tellCrashes(log);
  const running = await CarillonProcess.start({
    role: "gateway",
    config,
    log,
    hasAdmin: true,
    isPortShared: true,
    reload: load,
  });
  drainWhenTold(running, log);
  log.info("worker_ready", { worker: index, ...running.addresses, pid: process.pid });
  const ready: FromWorker = { type: "ready", addresses: running.addresses };
  process.send?.(ready);
}

function startMessage(): Promise<WorkerStart> {
  return new Promise((resolve, reject) => {
    process.once("message", (message) => resolve(message as WorkerStart));
    process.once("disconnect", () => reject(new Error("the process that started this worker is gone")));
  });
}

/**
 * Terminals and service managers send a signal to all processes of a group, so it comes here as well as the word of the process above:
 * either begins the drain, and what comes later changes nothing. A second signal is that process's to act on.
 */
function drainWhenTold(running: CarillonProcess, log: Logger): void {
  let isDraining = false;
  const drain = () => {
    if (isDraining) return;
    isDraining = true;
    exitWhenOverdue(
      { withinMs: running.closesWithinMs, exitCode: EXIT_CODES.overdue, stage: () => running.stage },
      log,
      process,
    );
    running
      .close()
      .then(() => {
        log.info("stopped");
        // The link to the process above would keep this one alive.
        if (process.connected) process.disconnect();
      })
      .catch((error: unknown) => {
        log.error("drain_failed", { error });
        process.exit(1);
      });
  };
  process.on("message", (message) => {
    const { type } = message as ToWorker;
    if (type === "drain") drain();
    if (type === "reload") running.reload();
  });
  process.on("disconnect", drain);
  process.on("SIGTERM", drain);
  process.on("SIGINT", drain);
  process.on("SIGHUP", () => running.reload());
}
