import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Address, Visitor } from "./pusher-app.ts";
import { environmentOf, type Program } from "./pusher-programs.ts";

/** What a client hears: on a channel, or, without one, of its connection. */
export interface Heard {
  readonly event: string;
  readonly channel?: string;
  readonly data?: unknown;
  readonly from?: string;
}

/** What a client can be told; `events` are those that it listens for where its library wants them named. */
type Order =
  | { readonly do: "follow"; readonly channel: string; readonly events: readonly string[] }
  | { readonly do: "trigger"; readonly channel: string; readonly event: string; readonly data: unknown }
  | { readonly do: "unsubscribe"; readonly channel: string }
  | { readonly do: "signIn" };

/** A client on a Pusher library of another language, in a process of its own. */
export class ForeignClient implements AsyncDisposable {
  readonly heard: Heard[] = [];
  readonly #child: ChildProcess;
  #complaints = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      this.heard.push(JSON.parse(line) as Heard);
    });
    child.stderr?.on("data", (data: Buffer) => {
      this.#complaints += data.toString();
    });
    // Whoever has ended takes no more orders.
    child.stdin?.on("error", () => undefined);
  }

  /** Starts it; it connects at once. `site` is where its proofs come from. */
  static start(
    program: Program,
    { to, site, visitor }: { readonly to: Address; readonly site: string; readonly visitor: Visitor },
  ): ForeignClient {
    const [command, ...args] = program.command;
    const { hostname, port } = new URL(to.url);
    const child = spawn(command, [...args, hostname, port, site, JSON.stringify(visitor)], {
      env: environmentOf(program),
      stdio: ["pipe", "pipe", "pipe"],
    });
    return new ForeignClient(child);
  }

  /** Everything that it wrote about errors. */
  get complaints(): string {
    return this.#complaints;
  }

  order(order: Order): void {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /** Events of its connection, by name. */
  all(event: string): readonly Heard[] {
    return this.heard.filter((each) => each.event === event && each.channel === undefined);
  }

  /** What it heard on a channel, in order. */
  on(channel: string): readonly (readonly unknown[])[] {
    return this.heard
      .filter((each) => each.channel === channel)
      .map(({ event, data, from }) => (from === undefined ? [event, data] : [event, data, from]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
