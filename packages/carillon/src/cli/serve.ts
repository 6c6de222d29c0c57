import { constants } from "node:os";
import { type Config, type ConfigRole, createLogger, type Logger, loadConfig, onTermination } from "@carillon/service";
import { CarillonProcess, type RunningAddresses } from "../carillon-process.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { banner } from "./banner.ts";
import type { ServerFlags } from "./main.ts";
import { serveWorkers } from "./serve-workers.ts";
import { type Starting, startingOf, tellCrashes, tellStartFailure } from "./start-failure.ts";

/** Runs a server until SIGTERM or SIGINT has drained it. When it can't start it says why, and sets the exit code. */
export async function serve(role: ConfigRole, flags: ServerFlags): Promise<void> {
  const starting = startingOf(role, flags);
  try {
    await start(starting, flags);
  } catch (error) {
    tellStartFailure(error, starting);
  }
}

async function start(starting: Starting, flags: ServerFlags): Promise<void> {
  const { role } = starting;
  listenForStartingSignals(true);
  const load = () => loadConfig(loadOptions(role, flags));
  const config = await load();
  starting.format = config.log.format;
  if (role === "gateway" && config.gateway.workers > 1) {
    return serveWorkers(config, flags, () => listenForStartingSignals(false));
  }
  const log = createLogger({ format: config.log.format, level: config.log.level, role });
  tellCrashes(log);
  const running = await CarillonProcess.start({ role, config, log, hasAdmin: true, reload: load });
  listenForStartingSignals(false);
  const reload = () => running.reload();
  process.on("SIGHUP", reload);
  onTermination({
    log,
    overdue: { withinMs: running.closesWithinMs, exitCode: EXIT_CODES.overdue, stage: () => running.stage },
    drain: async () => {
      await running.close();
      process.off("SIGHUP", reload);
      log.info("stopped");
    },
  });
  announce(role, config, { log, addresses: running.addresses });
}

/** Whoever handles signals from here on has to be the only one: this one doesn't drain. */
function listenForStartingSignals(isStarting: boolean): void {
  const act = isStarting ? "on" : "off";
  for (const signal of ["SIGTERM", "SIGINT"]) process[act](signal, leaveAtOnce);
  process[act]("SIGHUP", startOn);
}

/** What changes while a process starts is read when it has started, and unhandled the signal would end it. */
const startOn = () => undefined;

/**
 * Before it is ready nobody depends on a process, so it goes as soon as it is asked. Without this, process 1 of a container would
 * not: the kernel keeps from it what it doesn't handle, and it would be waited for until the end of the grace period.
 */
function leaveAtOnce(signal: NodeJS.Signals): void {
  process.exit(128 + constants.signals[signal]);
}

/** Where the settings of a server command come from. */
export function loadOptions(role: ConfigRole, flags: ServerFlags) {
  const { config: file, ...overrides } = flags;
  const { host, port, adminPort, nats, logFormat, workers } = overrides;
  return {
    role,
    env: process.env,
    ...(file === undefined ? {} : { file }),
    overrides: {
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      ...(adminPort === undefined ? {} : { adminPort }),
      ...(nats === undefined ? {} : { nats }),
      ...(logFormat === undefined ? {} : { logFormat }),
      ...(workers === undefined ? {} : { workers }),
    },
  };
}

function announce(
  role: ConfigRole,
  config: Config,
  { log, addresses }: { readonly log: Logger; readonly addresses: RunningAddresses },
): void {
  log.info("ready", { ...addresses, pid: process.pid });
  if (role === "dev" && config.log.format === "pretty") process.stdout.write(banner(config, addresses));
}
