import type { RecoverCommand, RecoverReply } from "./messages.ts";
import { until } from "./until.ts";
import { Wire } from "./wire.ts";

const LOCAL_ADDRESS = "127.0.0.1";
const CONNECT_DEADLINE_MS = 5_000;
const RECOVER_DEADLINE_MS = 10_000;

/** Clients that come back one after the other, each on a connection of its own. */
export class RecoveryProbes {
  #probes: RecoveryProbe[] = [];

  /** Rejects when the client can't connect. */
  async recover(command: RecoverCommand): Promise<RecoverReply> {
    const probe = new RecoveryProbe(command);
    this.#probes.push(probe);
    return await probe.run();
  }

  /** Ends all their connections. */
  drop(): void {
    for (const probe of this.#probes) probe.drop();
    this.#probes = [];
  }
}

class RecoveryProbe {
  readonly #command: RecoverCommand;
  readonly #wire: Wire;
  /** Copies of the frames since the subscribe; read only when the time has been taken. */
  readonly #frames: string[] = [];
  #isWelcome = false;
  #isLost = false;
  #endedAtMs = 0;

  constructor(command: RecoverCommand) {
    this.#command = command;
    const { socketPort, socketPath } = command.target;
    this.#wire = new Wire({ port: socketPort, path: socketPath, localAddress: LOCAL_ADDRESS, owner: this });
  }

  async run(): Promise<RecoverReply> {
    const { channel, position, missed } = this.#command;
    const isConnected = await until(() => this.#isWelcome || this.#isLost, CONNECT_DEADLINE_MS);
    if (!isConnected || this.#isLost) throw new Error("a client that wants to recover could not connect");
    const beganMs = performance.now();
    this.#wire.send(`{"type":"subscribe","channel":"${channel}","recover":"${position}"}`);
    await until(() => this.#endedAtMs > 0 || this.#isLost, RECOVER_DEADLINE_MS);
    const problems = this.#problems();
    if (this.#endedAtMs === 0) problems.push(`only ${this.#frames.length - 1} of ${missed} missed events came`);
    return { ms: this.#endedAtMs - beganMs, problems };
  }

  drop(): void {
    this.#wire.drop();
  }

  /** Called by the wire. */
  opened(): void {
    // The welcome comes next.
  }

  /** Called by the wire. */
  framed(bytes: Buffer, start: number, end: number): void {
    if (!this.#isWelcome) {
      this.#isWelcome = true;
      return;
    }
    this.#frames.push(bytes.toString("utf8", start, end));
  }

  /** Called by the wire. */
  readEnded(): void {
    if (this.#endedAtMs === 0 && this.#frames.length > this.#command.missed) this.#endedAtMs = performance.now();
  }

  /** Called by the wire. */
  lost(): void {
    this.#isLost = true;
  }

  #problems(): string[] {
    const { first, missed } = this.#command;
    const [answer, ...events] = this.#frames.map((text) => JSON.parse(text) as Record<string, unknown>);
    const numbers = events.map(({ payload }) => (payload as { number?: unknown } | undefined)?.number);
    const isComplete = numbers.length === missed && numbers.every((number, at) => number === first + at);
    return [
      ...(answer?.["recovered"] === true ? [] : [`a client was told ${JSON.stringify(answer)} and not recovered`]),
      ...(isComplete ? [] : ["what a client was sent is not what it had missed, in order"]),
    ];
  }
}
