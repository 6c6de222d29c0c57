import { rmSync } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NatsBus } from "@carillon/nats";
import { connectNatsBus } from "@carillon/nats";
import { Disposal } from "../disposal.ts";
import { startJetStream } from "../nats-server.ts";
import { readResidentKib } from "../process-usage.ts";
import type { ServerProcess } from "../server-process.ts";

/** What is kept of each channel: the limits of a rule. */
export const LIMITS = { messages: 100, maxAgeMs: 3_600_000 };

const BLOCK_BYTES = 512;

/** One nats-server with its files, which it keeps over restarts, and a bus on it. */
export class StoreUnderTest implements AsyncDisposable {
  readonly #folder: string;
  #server: ServerProcess;
  #bus: NatsBus;

  private constructor(folder: string, server: ServerProcess, bus: NatsBus) {
    this.#folder = folder;
    this.#server = server;
    this.#bus = bus;
  }

  /** Starts one in a temporary folder. */
  static async start(): Promise<StoreUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), "carillon-sizing-"));
    // Also when it is interrupted: it may be a gigabyte.
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    try {
      const { server, bus } = await launch(folder);
      return new StoreUnderTest(folder, server, bus);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get bus(): NatsBus {
    return this.#bus;
  }

  /** Resident memory of the server. */
  get residentKib(): number {
    return readResidentKib(this.#server.pid);
  }

  /** Blocks that its files take. */
  async diskBytes(): Promise<number> {
    const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).blocks * BLOCK_BYTES));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /**
   * Ends the server, asked or as a crash would, and starts it again with its files. Resolves with the seconds from the start
   * until it says that JetStream is healthy.
   */
  async restart(how: "asked" | "crash"): Promise<number> {
    await this.#bus.close();
    if (how === "asked") await this.#server[Symbol.asyncDispose]();
    else await this.#server.kill();
    const began = performance.now();
    const { server, bus } = await launch(this.#folder);
    this.#server = server;
    this.#bus = bus;
    return (performance.now() - began) / 1000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bus.close();
    // Its files go anyway.
    await this.#server.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function launch(folder: string): Promise<{ readonly server: ServerProcess; readonly bus: NatsBus }> {
  const stack = new Disposal();
  try {
    const { servers, urls } = await startJetStream(folder, 1, stack);
    const [server] = servers;
    if (server === undefined) throw new Error("no nats-server was started");
    const history = { maxMessagesPerChannel: LIMITS.messages, maxAgeMs: LIMITS.maxAgeMs };
    return { server, bus: await connectNatsBus({ servers: [urls], history }) };
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}
