import { fileURLToPath } from "node:url";
import { ForkedProcess } from "./forked-process.ts";
import type { GeneratorAnswer, GeneratorCalls } from "./generator/messages.ts";

const SCRIPT = fileURLToPath(new URL("./generator/generator.js", import.meta.url));

/** A generator as the bench sees it: a process that carries out one command at a time. Once it is let go of, it resets its connections. */
export class GeneratorProcess {
  readonly #process: ForkedProcess;

  /** `block` (0 to 200) keeps source addresses apart when several generators run at once. */
  constructor(block = 0) {
    this.#process = new ForkedProcess({ role: "generator", script: SCRIPT, args: [String(block)] });
  }

  /** Has a command carried out. Rejects when the generator failed at it or ended. */
  async call<Name extends keyof GeneratorCalls>(
    request: GeneratorCalls[Name]["request"] & { readonly command: Name },
  ): Promise<GeneratorCalls[Name]["reply"]> {
    const answer = (await this.#process.ask(request, request.command)) as GeneratorAnswer;
    if (!answer.ok) throw new Error(`the generator failed at "${request.command}": ${answer.message}`);
    // Answers come in the order of the commands, so this one belongs to `request`.
    return answer.reply as GeneratorCalls[Name]["reply"];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
