import type { Fleet } from "./fleet.ts";
import { pause } from "./pause.ts";
import type { Random } from "./random.ts";
import type { RunRecord } from "./run-record.ts";

/** What a nemesis works with. */
export interface NemesisOptions {
  readonly fleet: Fleet;
  readonly record: RunRecord;
  readonly random: Random;
}

/**
 * Does harm at random, and undoes it again: in one lane to gateways and publishers, in another one to the NATS cluster. One
 * thing at a time in each, so that a majority of NATS always lives.
 */
export class Nemesis {
  readonly #options: NemesisOptions;
  readonly #harm = new Map<string, number>();
  #isStopping = false;

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  /** What it did, and how often. */
  get harm(): ReadonlyMap<string, number> {
    return this.#harm;
  }

  /** Resolves after {@link stop}, when all harm is undone. */
  async run(): Promise<void> {
    const { random } = this.#options;
    await Promise.all([
      this.#lane(random.fork(), 2500, (own) => this.#harmProcess(own)),
      this.#lane(random.fork(), 5000, (own) => this.#harmNats(own)),
    ]);
  }

  stop(): void {
    this.#isStopping = true;
  }

  async #lane(random: Random, pauseMs: number, act: (random: Random) => Promise<void>): Promise<void> {
    while (!this.#isStopping) {
      await pause(random.between(pauseMs / 5, pauseMs));
      if (!this.#isStopping) await act(random);
    }
  }

  async #harmProcess(random: Random): Promise<void> {
    const { fleet } = this.#options;
    const gateway = random.pick(fleet.indexesOf("gateway"));
    const publisher = random.pick(fleet.indexesOf("publisher"));
    const choice = random.next();
    if (choice < 0.4) {
      await this.#killAndRestart(gateway, "gateway", random);
    } else if (choice < 0.8) {
      this.#note("a gateway is frozen", gateway);
      fleet.signalMember(gateway, "SIGSTOP");
      await pause(random.between(1000, 3000));
      fleet.signalMember(gateway, "SIGCONT");
    } else {
      await this.#killAndRestart(publisher, "publisher", random);
    }
  }

  async #killAndRestart(index: number, what: string, random: Random): Promise<void> {
    this.#note(`a ${what} is killed`, index);
    await this.#options.fleet.killMember(index);
    await pause(random.between(0, 2000));
    await this.#options.fleet.startMember(index);
  }

  async #harmNats(random: Random): Promise<void> {
    const { nats } = this.#options.fleet;
    const index = random.between(0, nats.servers.length - 1);
    const server = nats.server(index);
    this.#note("a nats-server is killed", index);
    await server.kill();
    await pause(random.between(500, 4000));
    await server.restart();
    await nats.whenFormed();
  }

  #note(what: string, index: number): void {
    this.#harm.set(what, (this.#harm.get(what) ?? 0) + 1);
    this.#options.record.note(`${what}: ${index}`);
  }
}
