import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { GeneratorAnswer, GeneratorCalls, GeneratorReply } from "./generator/messages.ts";

const SCRIPT = fileURLToPath(new URL("./generator/generator.js", import.meta.url));

const STOP_DEADLINE_MS = 5_000;

/** A generator as the bench sees it: a process that carries out one command at a time. */
export class GeneratorProcess {
  readonly #child: ChildProcess;

  /** `block` (0 to 200) keeps source addresses apart when several generators run at once. */
  constructor(block = 0) {
    this.#child = fork(SCRIPT, [String(block)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  /** Has a command carried out. Rejects when the generator failed at it or ended. */
  async call<Name extends keyof GeneratorCalls>(
    request: GeneratorCalls[Name]["request"] & { readonly command: Name },
  ): Promise<GeneratorCalls[Name]["reply"]> {
    const reply = await new Promise<GeneratorReply>((resolve, reject) => {
      const onExit = (): void => reject(new Error(`the generator ended during "${request.command}"`));
      this.#child.once("exit", onExit);
      this.#child.once("message", (message) => {
        this.#child.off("exit", onExit);
        const answer = message as GeneratorAnswer;
        if (answer.ok) resolve(answer.reply);
        else reject(new Error(`the generator failed at "${request.command}": ${answer.message}`));
      });
      this.#child.send(request);
    });
    // Answers come in the order of the commands, so this one belongs to `request`.
    return reply as GeneratorCalls[Name]["reply"];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    // It takes this for the sign to reset its connections and to end.
    this.#child.disconnect();
    const isDone = await Promise.race([exited.then(() => true), delay(STOP_DEADLINE_MS, false, { ref: false })]);
    if (isDone) return;
    this.#child.kill("SIGKILL");
    await exited;
  }
}
