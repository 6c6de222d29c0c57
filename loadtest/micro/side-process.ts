import { fileURLToPath } from "node:url";
import { ForkedProcess } from "../bench/forked-process.ts";
import type { SideReply, SideRequest } from "./side-messages.ts";

const SCRIPT = fileURLToPath(new URL("./side.js", import.meta.url));

/** Says that a version can't do a benchmark's work. */
export class SideFailedError extends Error {
  override readonly name = "SideFailedError";
}

/** One version's packages in a process of their own. */
export class SideProcess {
  readonly #process: ForkedProcess;

  /** `root`: of the checkout, whose packages are built. */
  constructor(root: string) {
    this.#process = new ForkedProcess({ role: "process that holds a version", script: SCRIPT, args: [root] });
  }

  /** Gets ready for a benchmark. Rejects with a {@link SideFailedError} when the version can't. */
  async prepare(name: string): Promise<void> {
    await this.#ask({ kind: "prepare", name });
  }

  /** Does the work so often; resolves with the CPU time that it took, in microseconds. Rejects likewise. */
  async run(times: number): Promise<number> {
    const reply = await this.#ask({ kind: "run", times });
    return reply.kind === "done" ? reply.cpuUs : Number.NaN;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  async #ask(request: SideRequest): Promise<SideReply> {
    const reply = (await this.#process.ask(request, request.kind)) as SideReply;
    if (reply.kind === "failed") throw new SideFailedError(reply.reason);
    return reply;
  }
}
