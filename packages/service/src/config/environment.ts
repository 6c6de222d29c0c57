import type { ConfigProblem, ConfigRole } from "./config-types.ts";
import { withoutLineEnd } from "./references.ts";
import { LIST_SECTION_NAMES, listSettings, listVariable, type PathPart, type Setting } from "./setting-index.ts";
import { didYouMean } from "./suggestion.ts";
import type { TextFileReader } from "./text-file.ts";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One setting that comes from outside the file and wins over it. */
export interface Overlay {
  readonly path: readonly PathPart[];
  readonly value: unknown;
  /** What problems call its source: `CARILLON_PORT`, `--port`. */
  readonly where: string;
}

/** A whole list section that comes from a variable. */
export interface ListText {
  /** `apps` or `channels`. */
  readonly section: string;
  readonly text: string;
  readonly where: string;
}

/** What the environment says. */
export interface EnvironmentReading {
  readonly overlays: readonly Overlay[];
  /** The list sections that come whole from a variable. */
  readonly lists: readonly ListText[];
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

/** What {@link readEnvironment} looks at. */
export interface EnvironmentOptions {
  readonly env: Environment;
  readonly role: ConfigRole;
  readonly files: TextFileReader;
  /** Names that the configuration file refers to; they are not complained about. */
  readonly referredTo: readonly string[];
}

const PREFIX = "CARILLON_";

/** Variable that names the configuration file. */
export const CONFIG_VARIABLE = "CARILLON_CONFIG";

/**
 * What Kubernetes puts into every pod for a Service called `carillon…`: `CARILLON_SERVICE_HOST`,
 * `CARILLON_PORT=tcp://10.0.0.1:80`, `CARILLON_PORT_80_TCP_ADDR` and so on. None of it is meant for Carillon.
 */
const SERVICE_LINK =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
const SERVICE_LINK_VALUE = /^(?:tcp|udp|sctp):\/\//;

/** The short names: what they set depends on which process reads them. */
export function shortNames(role: ConfigRole): ReadonlyMap<string, readonly [string, string]> {
  const section = role === "publisher" ? "publisher" : "gateway";
  return new Map([
    ["CARILLON_HOST", [section, "host"]],
    ["CARILLON_PORT", [section, "port"]],
    ["CARILLON_NATS", ["nats", "servers"]],
  ]);
}

/** Reads every variable that begins with `CARILLON_`. Empty variables count as absent, those of secrets aside. */
export async function readEnvironment(options: EnvironmentOptions): Promise<EnvironmentReading> {
  const reader = new EnvironmentReader(options);
  return reader.read();
}

class EnvironmentReader {
  readonly #options: EnvironmentOptions;
  readonly #overlays = new Map<string, Overlay>();
  readonly #problems: ConfigProblem[] = [];
  readonly #warnings: ConfigProblem[] = [];
  readonly #known = new Set([CONFIG_VARIABLE]);

  constructor(options: EnvironmentOptions) {
    this.#options = options;
  }

  async read(): Promise<EnvironmentReading> {
    const settings = listSettings();
    for (const setting of settings) await this.#readSetting(setting);
    for (const [variable, path] of shortNames(this.#options.role)) {
      this.#known.add(variable);
      const setting = settings.find((candidate) => candidate.name === path.join("."));
      const value = this.#variable(variable);
      if (setting !== undefined && value !== undefined && value !== "") this.#add(setting, value, variable);
    }
    const lists = await this.#readLists();
    this.#warnAboutUnknown();
    return {
      overlays: [...this.#overlays.values()],
      lists,
      problems: this.#problems,
      warnings: this.#warnings,
    };
  }

  async #readLists(): Promise<readonly ListText[]> {
    const lists: ListText[] = [];
    for (const section of LIST_SECTION_NAMES) {
      const variable = listVariable(section);
      this.#known.add(variable).add(`${variable}_FILE`);
      const found = await this.#textOf(variable, true);
      if (found !== null && found.text !== "") lists.push({ section, ...found });
    }
    return lists;
  }

  async #readSetting(setting: Setting): Promise<void> {
    this.#known.add(setting.environmentName);
    if (setting.hasFileTwin) this.#known.add(`${setting.environmentName}_FILE`);
    const found = await this.#textOf(setting.environmentName, setting.hasFileTwin);
    if (found === null || (found.text === "" && !setting.hasFileTwin)) return;
    this.#add(setting, found.text, found.where);
  }

  #add(setting: Setting, text: string, where: string): void {
    const earlier = this.#overlays.get(setting.name);
    if (earlier !== undefined) {
      this.#problem(setting.name, where, `${earlier.where} sets the same: remove one of the two`);
      return;
    }
    // Commas can't occur in origins and servers; secrets and keys are taken whole.
    const isList = setting.kind === "list" && !setting.hasFileTwin;
    const value = isList ? text.split(",").map((item) => item.trim()) : text;
    this.#overlays.set(setting.name, { path: setting.path, value, where });
  }

  /** The variable's text, or that of the file which its `_FILE` twin names. */
  async #textOf(variable: string, hasFileTwin: boolean): Promise<{ text: string; where: string } | null> {
    const direct = this.#variable(variable);
    const where = `${variable}_FILE`;
    const path = hasFileTwin ? this.#variable(where) : undefined;
    if (path === undefined || path === "") return direct === undefined ? null : { text: direct, where: variable };
    if (direct !== undefined) {
      this.#problem("", where, `${variable} sets the same: remove one of the two`);
      return null;
    }
    const file = await this.#options.files.read(path);
    if (file.ok) return { text: withoutLineEnd(file.text), where };
    this.#problem("", where, `the file that this names can't be used: ${file.message}`);
    return null;
  }

  #variable(name: string): string | undefined {
    const { env } = this.#options;
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined || !name.endsWith("_PORT") || !SERVICE_LINK_VALUE.test(value)) return value;
    this.#warnings.push({
      path: "",
      where: name,
      message:
        "ignored: Kubernetes sets this for a Service of that name; switch it off with enableServiceLinks: false in the pod",
    });
    return undefined;
  }

  #warnAboutUnknown(): void {
    for (const [name, value] of Object.entries(this.#options.env)) {
      if (!name.startsWith(PREFIX) || value === undefined) continue;
      if (this.#known.has(name) || this.#options.referredTo.includes(name)) continue;
      if (SERVICE_LINK.test(name) || SERVICE_LINK_VALUE.test(value)) continue;
      const message = `ignored: Carillon knows no such variable.${didYouMean(name, [...this.#known])}`;
      this.#warnings.push({ path: "", where: name, message });
    }
  }

  #problem(path: string, where: string, message: string): void {
    this.#problems.push({ path, where, message });
  }
}
