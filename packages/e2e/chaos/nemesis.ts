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
 * Does harm at random, and undoes it again: in one lane to gateways, publishers and their links, in another one to the NATS
 * cluster. One thing at a time in each, so that a majority of NATS always lives.
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
    if (choice < 0.3) {
      await this.#killAndRestart(gateway, "gateway", random);
    } else if (choice < 0.55) {
      this.#note("a gateway is frozen", gateway);
      fleet.signalMember(gateway, "SIGSTOP");
      await pause(random.between(1000, 3000));
      fleet.signalMember(gateway, "SIGCONT");
    } else if (choice < 0.7) {
      await this.#killAndRestart(publisher, "publisher", random);
    } else {
      await this.#harmLinks(random.pick([gateway, gateway, publisher]), random);
    }
  }

  /** Between a process and NATS: the links to one server, or to all of them. */
  async #harmLinks(index: number, random: Random): Promise<void> {
    const { fleet } = this.#options;
    const how = random.pick(["cut", "freeze"] as const);
    const all = [...fleet.nats.servers.keys()];
    const servers = random.chance(0.5) ? all : [random.pick(all)];
    this.#note(`links to NATS: ${how}, ${servers.length === 1 ? "one" : "all"}`, index);
    const heal = fleet.harmLinks(index, how, servers);
    await pause(random.between(500, 3000));
    heal();
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
    if (random.chance(0.6)) await this.#killNats(index, random);
    else await this.#partNats(index, random);
    await nats.whenFormed();
  }

  async #killNats(index: number, random: Random): Promise<void> {
    const server = this.#options.fleet.nats.server(index);
    this.#note("a nats-server is killed", index);
    await server.kill();
    await pause(random.between(500, 4000));
    await server.restart();
  }

  /** Takes one server of NATS apart from one other, or from all of them. */
  async #partNats(index: number, random: Random): Promise<void> {
    const { links, servers } = this.#options.fleet.nats;
    const how = random.pick(["cut", "freeze"] as const);
    const other = (index + 1) % servers.length;
    const isAlone = random.chance(0.5);
    this.#note(`routes of NATS: ${how}, ${isAlone ? "all of one server" : "one"}`, index);
    if (isAlone) links.isolate(how, index);
    else links.part(how, index, other);
    await pause(random.between(500, 4000));
    links.join();
  }

  #note(what: string, index: number): void {
    this.#harm.set(what, (this.#harm.get(what) ?? 0) + 1);
    this.#options.record.note(`${what}: ${index}`);
  }
}
