import { type Config, createLogger, findListenPort, onTermination, systemClock } from "@carillon/service";
import { WorkerGroup } from "../workers/worker-group.ts";
import type { ServerFlags } from "./main.ts";
import { tellCrashes } from "./start-failure.ts";

/**
 * Runs a gateway as several processes that share its port, until SIGTERM or SIGINT has drained them. Rejects when one can't start;
 * calls `onStarted` when all have, and handles signals from then on.
 */
export async function serveWorkers(config: Config, flags: ServerFlags, onStarted: () => void): Promise<void> {
  const { workers: count, host } = config.gateway;
  const log = createLogger({ format: config.log.format, level: config.log.level, role: "gateway" });
  tellCrashes(log);
  if (process.platform !== "linux") log.warn("workers_share_unevenly", { platform: process.platform });
  const { workers: _, ...common } = flags;
  const group = await WorkerGroup.start({
    bin: String(process.argv[1]),
    count,
    adminPort: config.admin.port,
    flags: { ...common, host, port: String(await findListenPort(config.gateway)) },
    clock: systemClock,
    random: Math.random,
    log,
  });
  onStarted();
  const reload = () => group.reload();
  process.on("SIGHUP", reload);
  onTermination({
    log,
    drain: async () => {
      process.exitCode = await group.end();
      process.off("SIGHUP", reload);
      log.info("stopped");
    },
    source: {
      on: (signal, listener) => process.on(signal, listener),
      off: (signal, listener) => process.off(signal, listener),
      exit: (code) => {
        group.kill();
        process.exit(code);
      },
    },
  });
  const [first] = group.addresses;
  const adminUrls = group.addresses.map(({ adminUrl }) => adminUrl);
  log.info("ready", { ...first, adminUrls, workers: count, pid: process.pid });
}
