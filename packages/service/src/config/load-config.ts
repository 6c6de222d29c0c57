import { basename, resolve } from "node:path";
import { type CheckedConfig, checkConfig } from "./check-config.ts";
import { ConfigDocument } from "./config-document.ts";
import { ConfigError } from "./config-error.ts";
import type { Config, ConfigProblem, ConfigRole, NatsConfig } from "./config-types.ts";
import { deepFreeze } from "./deep-freeze.ts";
import { CONFIG_VARIABLE, type Environment, type Overlay, readEnvironment, shortNames } from "./environment.ts";
import { RawConfig, type RawConfigOptions } from "./raw-config.ts";
import { resolveReferences } from "./references.ts";
import type { PathPart } from "./setting-index.ts";
import { TextFileReader } from "./text-file.ts";

/** The flags of the command line. They win over everything. */
export interface ConfigOverrides {
  readonly host?: string;
  /** As text, as a command line has it, or as a number. */
  readonly port?: string | number;
  readonly adminPort?: string | number;
  /** One NATS server, or several with commas between. */
  readonly nats?: string;
  readonly logFormat?: string;
  readonly workers?: string;
}

/** What {@link loadConfig} reads. */
export interface LoadConfigOptions {
  /** Which process asks. Decides what `host` and `port` mean, and what must be there. */
  readonly role: ConfigRole;
  /** The variables to read; usually `process.env`. */
  readonly env: Environment;
  /** The YAML or JSON file. Undefined: the one that CARILLON_CONFIG names, or none. */
  readonly file?: string;
  /** The same content as a value, for programs that embed Carillon; then no file is read and `${…}` is not looked for. */
  readonly settings?: unknown;
  readonly overrides?: ConfigOverrides;
}

/** Defaults that are for people at a terminal. */
const DEV_DEFAULTS: readonly (readonly [readonly PathPart[], unknown])[] = [
  [["log", "format"], "pretty"],
  [["gateway", "drain", "spreadSeconds"], 1],
];

/**
 * Reads the configuration: flags win over the environment, that over the file, that over the defaults.
 *
 * Rejects with {@link ConfigError}, and with nothing else, when a file can't be read, its text is neither YAML nor JSON, or
 * settings are wrong; it then names every problem. No message repeats a value.
 *
 * @example
 * const config = await loadConfig({ role: "gateway", env: process.env, file: "carillon.yaml" });
 */
export async function loadConfig(options: LoadConfigOptions): Promise<Config> {
  const files = new TextFileReader();
  try {
    return await load(options, files);
  } catch (error) {
    throw error instanceof ConfigError ? error.withFiles(files.paths) : error;
  }
}

async function load(options: LoadConfigOptions, files: TextFileReader): Promise<Config> {
  const { env, role, overrides = {} } = options;
  const file = await loadFile(options, files);
  const environment = await readEnvironment({ env, role, files, referredTo: file.variables });
  const lists = environment.lists.map(({ section, text, where }) => {
    const document = new ConfigDocument(text, where);
    return [section, { document, value: unfold(document) }] as const;
  });
  const raw = new RawConfig({ ...file.raw, lists: new Map(lists) });
  for (const overlay of [...environment.overlays, ...flags(overrides, role)]) raw.overlay(overlay);
  return finish(raw, role, {
    files: files.paths,
    problems: [...file.problems, ...environment.problems],
    warnings: environment.warnings,
  });
}

/** What `carillon dev` runs on when nothing is configured: all defaults and {@link DEV_APP}. */
export function devConfig(): Config {
  return finish(new RawConfig({ value: undefined }), "dev", { files: [], problems: [], warnings: [] });
}

interface LoadedFile {
  readonly raw: RawConfigOptions;
  readonly variables: readonly string[];
  readonly problems: readonly ConfigProblem[];
}

async function loadFile(options: LoadConfigOptions, files: TextFileReader): Promise<LoadedFile> {
  const { env, settings } = options;
  const file = options.file ?? (env[CONFIG_VARIABLE] === "" ? undefined : env[CONFIG_VARIABLE]);
  if (settings !== undefined) return { raw: { value: settings }, variables: [], problems: [] };
  if (file === undefined) return { raw: { value: undefined }, variables: [], problems: [] };
  const read = await files.read(file);
  if (!read.ok) {
    const problem = { path: "", where: file, message: `the configuration file can't be used: ${read.message}` };
    throw new ConfigError("config_unreadable", [problem]);
  }
  if (read.text.trim() === "") {
    // Most likely it is being written at this moment: nothing must come from taking it for "no apps".
    const message = "the file is empty: write {} or a comment into it if that is meant";
    throw new ConfigError("config_syntax", [{ path: "", where: basename(file), message }]);
  }
  const document = new ConfigDocument(read.text, basename(file));
  refuseBadSyntax(document);
  const { problems, variables } = await resolveReferences(document, { env, files, file });
  return { raw: { value: unfold(document), document }, variables, problems };
}

function unfold(document: ConfigDocument): unknown {
  refuseBadSyntax(document);
  const value = document.toValue();
  refuseBadSyntax(document);
  return value;
}

function refuseBadSyntax({ problems }: ConfigDocument): void {
  if (problems.length > 0) throw new ConfigError("config_syntax", problems);
}

function flags(overrides: ConfigOverrides, role: ConfigRole): readonly Overlay[] {
  const section = shortNames(role).get("CARILLON_PORT")?.[0] ?? "gateway";
  const all: readonly Overlay[] = [
    { path: [section, "host"], value: overrides.host, where: "--host" },
    { path: [section, "port"], value: overrides.port, where: "--port" },
    { path: ["admin", "port"], value: overrides.adminPort, where: "--admin-port" },
    { path: ["nats", "servers"], value: overrides.nats?.split(",").map((server) => server.trim()), where: "--nats" },
    { path: ["gateway", "workers"], value: overrides.workers, where: "--workers" },
    { path: ["log", "format"], value: overrides.logFormat, where: "--log-format" },
  ];
  return all.filter((overlay) => overlay.value !== undefined);
}

interface Found {
  readonly files: readonly string[];
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

function finish(raw: RawConfig, role: ConfigRole, { files, ...found }: Found): Config {
  if (role === "dev") for (const [path, value] of DEV_DEFAULTS) raw.setDefault(path, value);
  const checked: CheckedConfig = checkConfig(raw, role);
  const problems = [...found.problems, ...checked.problems];
  if (problems.length > 0) throw new ConfigError("config_invalid", problems);
  if (checked.sections === null) throw new Error("a section was refused without a problem: this is a bug in Carillon");
  const { nats } = checked.sections;
  const named = nats === null ? [] : natsFiles(nats);
  return deepFreeze({
    ...checked.sections,
    warnings: [...found.warnings, ...checked.warnings],
    files: [...new Set([...files, ...named])],
  });
}

/** Files whose content counts too, though none of it stands in the configuration. */
function natsFiles({ credentials: { credsFile }, tls: { caFile, certFile, keyFile } }: NatsConfig): readonly string[] {
  return [credsFile, caFile, certFile, keyFile].filter((file) => file !== null).map((file) => resolve(file));
}
