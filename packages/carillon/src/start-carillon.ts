import {
  type Config,
  type ConfigRole,
  createLogger,
  createSilentLogger,
  type Logger,
  loadConfig,
} from "@carillon/service";
import { CarillonProcess, type RunningAddresses } from "./carillon-process.ts";

/** What to start, and where. Everything has a default, so `startCarillon()` alone runs the development server. */
export interface StartCarillonOptions {
  /** `dev` (default) is gateway, publish API and demo page in one. */
  readonly role?: ConfigRole;
  /** A YAML or JSON file. Without one, and without `settings`, `dev` runs with its well-known development app. */
  readonly configFile?: string;
  /** The same content as a value; then no file is read. */
  readonly settings?: unknown;
  /** Address to listen on. */
  readonly host?: string;
  /** Port to listen on; 0 for any free one. Default 8080, or 8081 for the publisher. */
  readonly port?: number;
  /** Port of metrics and health; 0 for any free one. Without it there is no admin server: the host process has its own. */
  readonly adminPort?: number;
  /** NATS servers, with commas between: makes this process a member of a cluster. */
  readonly nats?: string;
  /** Where to write lines of log. Default `none`: the host process has its own. */
  readonly log?: "none" | "json" | "pretty";
  /**
   * Environment to read settings from. Default: none of it, so that a host's variables don't leak in; where `tracing.enabled` is set,
   * OpenTelemetry reads its own (`OTEL_…`) of the process.
   */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A Carillon that runs inside this process. */
export interface RunningCarillon extends RunningAddresses {
  /** The configuration it runs with. */
  readonly config: Config;
  /**
   * Drains and stops: clients are asked to come back over the drain window, then everything is let go of. Idempotent; the
   * process can exit by itself afterwards.
   */
  close(): Promise<void>;
}

/**
 * Starts Carillon inside this process, such as a Next.js `server.js`. Resolves when it accepts connections. Installs no
 * signal handlers: call `close()` from yours.
 *
 * Rejects with ConfigError (every problem by name), PortInUseError, or BusUnavailableError when NATS can't be reached; nothing is
 * left behind then.
 *
 * @example
 * const carillon = await startCarillon({ port: 8080 });
 * process.once("SIGTERM", () => carillon.close());
 */
export async function startCarillon(options: StartCarillonOptions = {}): Promise<RunningCarillon> {
  const { role = "dev", configFile, settings, host, port, adminPort, nats, log = "none", env = {} } = options;
  const config = await loadConfig({
    role,
    env,
    ...(configFile === undefined ? {} : { file: configFile }),
    ...(settings === undefined ? {} : { settings }),
    overrides: {
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      ...(adminPort === undefined ? {} : { adminPort }),
      ...(nats === undefined ? {} : { nats }),
    },
  });
  const logger = loggerFor(log, role, config);
  const running = await CarillonProcess.start({ role, config, log: logger, hasAdmin: adminPort !== undefined });
  return { ...running.addresses, config, close: () => running.close() };
}

function loggerFor(log: "none" | "json" | "pretty", role: string, config: Config): Logger {
  return log === "none" ? createSilentLogger() : createLogger({ format: log, level: config.log.level, role });
}
