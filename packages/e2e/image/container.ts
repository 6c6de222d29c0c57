import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { firstProcess, startEnclosed } from "./enclosure.ts";
import type { Image } from "./image-build.ts";

/** How a container is started. */
export interface ContainerOptions {
  /** Instead of the image's own command. */
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly binds?: Readonly<Record<string, string>>;
}

/** What a process logs when it accepts connections. */
export interface ReadyLine {
  readonly url: string;
  readonly webSocketUrl: string;
  readonly adminUrl: string;
}

const READY_WITHIN_MS = 60_000;

/** The image, started as Kubernetes does under its strictest rules: as its user, with a read-only root and nothing writable. */
export class Container {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];

  constructor(image: Image, { command = image.command, env = {}, binds = {} }: ContainerOptions = {}) {
    const { root, user, workdir } = image;
    const words = [...image.entrypoint, ...command];
    const environment = { ...image.env, HOME: "/", ...env };
    this.#child = startEnclosed(
      { root, user, workdir, command: words, env: environment, isReadOnly: true, binds },
      "pipe",
    );
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", (line) => this.#lines.push(line));
    }
  }

  /** Everything it has said. */
  get log(): string {
    return this.#lines.join("\n");
  }

  /** Resolves with its addresses when it says that it is ready; rejects when it ends instead. */
  async ready(): Promise<ReadyLine> {
    const endMs = performance.now() + READY_WITHIN_MS;
    for (;;) {
      const line = this.#lines.find((each) => each.includes('"event":"ready"'));
      if (line !== undefined) return JSON.parse(line) as ReadyLine;
      if (this.#child.exitCode !== null || performance.now() > endMs) throw new Error(`it is not ready:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Its first process, as this machine numbers it. */
  firstProcess(): Promise<number> {
    return firstProcess(this.#child);
  }

  /** Sends its first process a signal, and nothing to others. */
  async signal(name: NodeJS.Signals): Promise<void> {
    process.kill(await this.firstProcess(), name);
  }

  /** Resolves with its exit code. */
  async exited(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, "exit");
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    // The namespaces end with it, and with them all that is inside.
    this.#child.kill("SIGKILL");
    await exited;
  }
}
