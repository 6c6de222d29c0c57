import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

const STOP_DEADLINE_MS = 5_000;

/** What to fork. */
interface ForkOptions {
  /** What it is, for messages. */
  readonly role: string;
  /** Path of the script. */
  readonly script: string;
  readonly args?: readonly string[];
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
}

/** A process of our own that answers one message at a time, and ends when its channel is closed. */
export class ForkedProcess {
  readonly #role: string;
  readonly #child: ChildProcess;

  constructor({ role, script, args = [], nodeOptions = [] }: ForkOptions) {
    this.#role = role;
    this.#child = fork(script, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv: [...nodeOptions] });
  }

  /** Sends a message, and resolves with the answer. Rejects when it ends instead. `what`: the message, in a word. */
  async ask(message: object, what: string): Promise<unknown> {
    return await new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error(`the ${this.#role} ended during "${what}"`));
      this.#child.once("exit", onExit);
      this.#child.once("message", (answer) => {
        this.#child.off("exit", onExit);
        resolve(answer);
      });
      this.#child.send(message);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    const isDone = await Promise.race([exited.then(() => true), delay(STOP_DEADLINE_MS, false, { ref: false })]);
    if (isDone) return;
    this.#child.kill("SIGKILL");
    await exited;
  }
}
