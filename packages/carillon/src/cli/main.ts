import { CONFIG_ROLES, type ConfigRole } from "@carillon/service";
import { Command, CommanderError, Option } from "commander";
import { EXIT_CODES } from "../exit-codes.ts";
import { WORKER_COMMAND } from "../workers/worker.ts";
import { addCheckCommand } from "./check.ts";
import { doctor } from "./doctor.ts";
import { addDrainCommand } from "./drain.ts";
import { exitCodeOf, explain } from "./failures.ts";
import { serve } from "./serve.ts";
import { addSizeCommand } from "./size.ts";
import { addTokenCommand } from "./token.ts";
import { version } from "./version.ts";
import { addWebhookCommands } from "./webhooks.ts";
import { work } from "./worker.ts";

/** The flags that every server command has; each has an env twin, and wins over it. */
export interface ServerFlags {
  readonly config?: string;
  readonly host?: string;
  readonly port?: string;
  readonly adminPort?: string;
  readonly nats?: string;
  readonly logFormat?: string;
  /** `gateway` alone has it. */
  readonly workers?: string;
}

/** Runs the command line. Sets the exit code; docs/cli.md lists them. */
export async function main(argv: readonly string[]): Promise<void> {
  outliveReaders();
  try {
    // Started by `gateway --workers` alone, so it is no command that help shows.
    if (argv[2] === WORKER_COMMAND) await work();
    else await createProgram().parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has already said what was wrong, or printed the help that was asked for.
      process.exitCode = error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
      return;
    }
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

/** Whoever reads the output may have enough of it (`carillon doctor | head -1`): unhandled, that would end a command in the middle of its work. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}

/** The whole command line, as commander knows it. Exported for the test that compares it with docs/cli.md. */
export function createProgram(): Command {
  const program = new Command("carillon")
    .description("The realtime service a team runs in its own cluster.")
    .version(version())
    .exitOverride()
    // So that the tools below a server command have flags of their own.
    .enablePositionalOptions()
    .showHelpAfterError("(carillon help COMMAND shows what there is)");
  serverCommand(program, "dev", "gateway, publish API and demo page in one process, for development and small sites");
  serverCommand(program, "gateway", "hold the clients' connections").option(
    "--workers <n>",
    "processes that share the port, on a machine with several cores (env: CARILLON_GATEWAY_WORKERS)",
  );
  serverCommand(program, "publisher", "serve the publish API");
  addWebhookCommands(serverCommand(program, "webhooks", "tell applications what happens on their channels"));
  addTokenCommand(program);
  addCheckCommand(program);
  addDrainCommand(program);
  addSizeCommand(program);
  withServerFlags(program.command("doctor"))
    .description(
      "check configuration, NATS, JetStream, ports, limits and the server binary of this machine, and say what to do",
    )
    .addOption(
      new Option("--role <role>", "which process is to run here").choices([...CONFIG_ROLES]).default("gateway"),
    )
    .action(async (flags: ServerFlags & { readonly role: ConfigRole }) => {
      process.exitCode = await doctor(flags.role, flags);
    });
  return program;
}

function serverCommand(program: Command, role: ConfigRole, description: string): Command {
  return withServerFlags(program.command(role))
    .description(description)
    .action(async (flags: ServerFlags) => serve(role, flags));
}

function withServerFlags(command: Command): Command {
  // The env twins are read with the rest of the environment, so that a wrong value is reported like any other setting.
  return command
    .option("--config <file>", "YAML or JSON configuration (env: CARILLON_CONFIG)")
    .option("--host <host>", "address to listen on (env: CARILLON_HOST)")
    .option("--port <port>", "port to listen on, 0 for any free one (env: CARILLON_PORT)")
    .option("--admin-port <port>", "port of metrics and health (env: CARILLON_ADMIN_PORT)")
    .option("--nats <url>", "NATS servers, with commas between (env: CARILLON_NATS)")
    .option("--log-format <format>", "json or pretty (env: CARILLON_LOG_FORMAT)");
}
