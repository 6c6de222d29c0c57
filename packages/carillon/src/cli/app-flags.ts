import type { App } from "@carillon/core";
import { ConfiguredApps, loadConfig } from "@carillon/service";
import { type Command, InvalidArgumentError } from "commander";
import { UsageError } from "./failures.ts";

/** Which app of which configuration a command is about. */
export interface AppFlags {
  readonly config?: string;
  readonly app?: string;
}

/** Adds the flags that {@link appOf} reads. */
export function withAppFlags(command: Command): Command {
  return command
    .option("--config <file>", "YAML or JSON configuration (env: CARILLON_CONFIG)")
    .option("--app <id>", "id of the app; the first one when absent");
}

/** The app that is meant; the development app without a configuration. Throws a UsageError when there is no such app. */
export async function appOf({ config: file, app: id }: AppFlags): Promise<App> {
  const config = await loadConfig({ role: "dev", env: process.env, ...(file === undefined ? {} : { file }) });
  const apps = new ConfiguredApps({ settings: config.apps });
  const app = id === undefined ? apps.first : apps.byId(id);
  if (app !== null) return app;
  const known = config.apps.map((each) => each.id).join(", ");
  throw new UsageError(`there is no app ${id}: the configuration has ${known}`);
}

/** A flag's value as a whole number of seconds, at least 1. */
export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds > 0) return seconds;
  throw new InvalidArgumentError("write a whole number of seconds.");
}
