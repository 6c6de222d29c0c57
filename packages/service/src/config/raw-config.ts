import type { ConfigDocument } from "./config-document.ts";
import type { ConfigProblem } from "./config-types.ts";
import type { Overlay } from "./environment.ts";
import { formatPath, listSettings, type PathPart } from "./setting-index.ts";

type Container = Record<string, unknown>;

/** What a {@link RawConfig} is made of. */
export interface RawConfigOptions {
  /** What the file says; undefined when there is none. */
  readonly value: unknown;
  /** Knows where in the file each value stands. */
  readonly document?: ConfigDocument;
  /** List sections from the environment, by name, in place of the file's. */
  readonly lists?: ReadonlyMap<string, { readonly value: unknown; readonly document: ConfigDocument }>;
}

/** The settings before they are checked: the file, with the environment and the flags laid over it. */
export class RawConfig {
  readonly #root: Container;
  readonly #options: RawConfigOptions;
  readonly #problems: ConfigProblem[] = [];
  readonly #sources = new Map<string, string>();

  constructor(options: RawConfigOptions) {
    this.#options = options;
    const { value } = options;
    const isEmpty = value === undefined || value === null;
    if (!isEmpty && !isContainer(value)) {
      this.#problem(
        [],
        options.document?.locate([]) ?? "",
        "must be a map of sections, such as apps, gateway and nats",
      );
    }
    this.#root = isContainer(value) ? { ...value } : {};
    for (const [section, list] of options.lists ?? []) this.#root[section] = list.value;
  }

  /** What could not even be laid over each other. */
  get problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  /** The value of one section; undefined when there is none. */
  section(name: string): unknown {
    return this.#root[name];
  }

  /** Names of all sections that are there, known or not. */
  get sectionNames(): readonly string[] {
    return Object.keys(this.#root);
  }

  /** Sets one section where nothing set it. */
  setDefault(path: readonly PathPart[], value: unknown): void {
    const parent = this.#parentOf(path);
    const key = path.at(-1);
    if (parent !== null && key !== undefined) parent[key] ??= value;
  }

  /** Lays one setting over what is there. */
  overlay({ path, value, where }: Overlay): void {
    if (this.#isAmbiguous(path)) {
      const entry = path[0] === "apps" && path.length < 4 ? "app" : "entry";
      this.#problem(
        path,
        where,
        `which ${entry} is meant can't be told, as there are several: use \${NAME} in the file instead`,
      );
      return;
    }
    const parent = this.#parentOf(path);
    const key = path.at(-1);
    // Where something that is no map stands in between, the schema says so.
    if (parent === null || key === undefined) return;
    parent[key] = value;
    this.#sources.set(formatPath(path), where);
  }

  /** Where a setting was set; "" when nowhere. */
  locate(path: readonly PathPart[]): string {
    for (let length = path.length; length > 0; length--) {
      const source = this.#sources.get(formatPath(path.slice(0, length)));
      if (source !== undefined) return source;
    }
    const { document, lists } = this.#options;
    const list = lists?.get(String(path[0]));
    return list === undefined ? (document?.locate(path) ?? "") : list.document.locate(path.slice(1));
  }

  /** The environment twin of a setting, for settings that were set nowhere; "" when it has none. */
  twinOf(path: readonly PathPart[]): string {
    if (this.#isAmbiguous(path)) return "";
    return listSettings().find((setting) => formatPath(setting.path) === formatPath(path))?.environmentName ?? "";
  }

  /** True for a setting of an entry of a list, when there are several entries. */
  #isAmbiguous(path: readonly PathPart[]): boolean {
    let value: unknown = this.#root;
    for (const part of path) {
      if (typeof part === "number" && Array.isArray(value) && value.length > 1) return true;
      value = Object(value)[part];
    }
    return false;
  }

  /** The container that holds the last part of `path`, copied so that the source stays as it is; made where it is absent. */
  #parentOf(path: readonly PathPart[]): Container | null {
    let parent: Container = this.#root;
    for (const [depth, key] of path.slice(0, -1).entries()) {
      const child = parent[key] ?? (typeof path[depth + 1] === "number" ? [] : {});
      if (!isContainer(child) && !Array.isArray(child)) return null;
      const copy = Array.isArray(child) ? [...child] : { ...child };
      parent[key] = copy;
      // An array takes its indices as keys as well; the type only says so for records.
      parent = copy as unknown as Container;
    }
    return parent;
  }

  #problem(path: readonly PathPart[], where: string, message: string): void {
    this.#problems.push({ path: formatPath(path), where, message });
  }
}

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
