import { createHash } from "node:crypto";
import { type FSWatcher, watch } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ConfigError } from "./config-error.ts";
import type { Config } from "./config-types.ts";
import { TextFileReader } from "./text-file.ts";

const DEBOUNCE_MS = 200;

/** What {@link watchConfig} needs. */
export interface WatchConfigOptions {
  /** The configuration in force. Its `files` are watched, and those of one that was refused since. */
  readonly initial: Config;
  /** Reads the configuration again, as it was read at the start. */
  readonly load: () => Promise<Config>;
  /**
   * Called with each configuration that passed its checks and differs from the one before, or that was asked for by
   * {@link ConfigWatch.reload}. Must not throw.
   */
  readonly onChange: (config: Config) => void;
  /**
   * Called with what is wrong when a new configuration is refused (`ConfigError`; the old one stays in force), and when a
   * folder can't be watched (then only {@link ConfigWatch.reload} works). Must not throw.
   */
  readonly onError: (error: unknown) => void;
  /** Quiet time after the last change of a file before it is read. Default 200: editors and mounts write in several steps. */
  readonly debounceMs?: number;
}

/** A watch that is on. */
export interface ConfigWatch {
  /**
   * Reads the configuration now, changed or not; for SIGHUP. Resolves when `onChange` or `onError` was called, never
   * rejects. Calls while one is running share one further run.
   */
  reload(): Promise<void>;
  /** Ends it. A load that is running is finished without a call. Idempotent. */
  close(): void;
}

/**
 * Watches the files of a configuration and reads it again when they change. Folders are watched, not files: editors replace
 * files, and Kubernetes swaps a symbolic link beside them. The watch alone doesn't keep a process alive.
 */
export function watchConfig(options: WatchConfigOptions): ConfigWatch {
  const watcher = new ConfigWatcher(options);
  watcher.start();
  return watcher;
}

class ConfigWatcher implements ConfigWatch {
  readonly #options: WatchConfigOptions;
  readonly #folders = new Map<string, FSWatcher>();
  #config: Config;
  /** What is watched. */
  #files: readonly string[];
  #digest = "";
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;
  #isForced = false;
  #isClosed = false;

  constructor(options: WatchConfigOptions) {
    this.#options = options;
    this.#config = options.initial;
    this.#files = options.initial.files;
  }

  start(): void {
    // The first run also finds what changed between the load at the start and now.
    if (this.#files.length > 0) void this.#run();
  }

  reload(): Promise<void> {
    this.#isForced = true;
    return this.#run();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #schedule(): void {
    if (this.#isClosed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), this.#options.debounceMs ?? DEBOUNCE_MS);
    this.#timer.unref();
  }

  /** One after the other, so that a slow read can't put an older configuration over a newer one. */
  #run(): Promise<void> {
    if (this.#next === null) {
      this.#next = this.#running.then(() => {
        this.#next = null;
        return this.#load();
      });
      this.#running = this.#next;
    }
    return this.#next;
  }

  async #load(): Promise<void> {
    const isForced = this.#isForced;
    this.#isForced = false;
    // Armed before reading: what changes while it is read makes an event, and a further run.
    await this.#watchFolders(this.#files);
    const digest = await digestOf(this.#files);
    if (this.#isClosed || (digest === this.#digest && !isForced)) return;
    this.#digest = digest;
    try {
      const config = await this.#options.load();
      if (this.#isClosed) return;
      const isSame = isDeepStrictEqual(config, this.#config);
      // Files that count from now on were not watched while they were read, so they are looked at once more.
      if (!isDeepStrictEqual(config.files, this.#files)) this.#schedule();
      this.#files = config.files;
      this.#config = config;
      if (!this.#isClosed && (isForced || !isSame)) this.#options.onChange(config);
    } catch (error) {
      if (!this.#isClosed) await this.#refuse(error, isForced);
    }
  }

  /** What a refused configuration hangs on is watched as well: it may refer to a file that is only about to be written. */
  async #refuse(error: unknown, isForced: boolean): Promise<void> {
    const files = [...new Set([...this.#config.files, ...(error instanceof ConfigError ? error.files : [])])];
    if (isDeepStrictEqual(files, this.#files)) {
      this.#options.onError(error);
      return;
    }
    // They were not watched while they were read, so they are looked at once more, and what is wrong then is told.
    this.#files = files;
    this.#isForced ||= isForced;
    await this.#load();
  }

  /** Watches the folders of `files`, also those that symbolic links lead to, and no others. */
  async #watchFolders(files: readonly string[]): Promise<void> {
    const wanted = new Set<string>();
    for (const file of files) {
      wanted.add(dirname(file));
      // A file that is away for a moment has no real path; its folder is watched all the same.
      wanted.add(dirname(await realpath(file).catch(() => file)));
    }
    for (const [folder, watcher] of this.#folders) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const folder of wanted) {
      if (!this.#folders.has(folder) && !this.#isClosed) this.#watchFolder(folder);
    }
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#schedule());
      watcher.on("error", (error) => {
        watcher.close();
        if (this.#folders.get(folder) === watcher) this.#folders.delete(folder);
        if (!this.#isClosed) this.#options.onError(error);
      });
      this.#folders.set(folder, watcher);
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

async function digestOf(files: readonly string[]): Promise<string> {
  const reader = new TextFileReader();
  const digest = createHash("sha256");
  for (const path of files) {
    const read = await reader.read(path);
    const content = read.ok ? read.text : read.message;
    digest.update(`${path}\0${read.ok}\0${content.length}\0${content}`);
  }
  return digest.digest("hex");
}
