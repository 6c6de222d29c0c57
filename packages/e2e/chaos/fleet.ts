import { type Harm, NatsCluster } from "@carillon/testkit";
import { CarillonProcess } from "../test/support/carillon-process.ts";

type Role = "gateway" | "publisher";

/** A process that can be replaced by another one with the same task. */
interface Member {
  readonly role: Role;
  /** Null while it is down. */
  process: CarillonProcess | null;
}

/** How large a fleet is. */
export interface FleetOptions {
  readonly configFile: string;
  readonly gateways: number;
  readonly publishers: number;
  /** Arguments for Node in every process. */
  readonly nodeArgs: readonly string[];
}

/** Everything that can be harmed: a NATS cluster of three, gateways and publishers, each a real process, and all links. */
export class Fleet {
  readonly nats: NatsCluster;
  readonly #options: FleetOptions;
  readonly #members: readonly Member[];

  private constructor(nats: NatsCluster, options: FleetOptions, members: readonly Member[]) {
    this.nats = nats;
    this.#options = options;
    this.#members = members;
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    const nats = await NatsCluster.start({ jetStream: true, harmableLinks: true });
    const members = [
      ...Array.from({ length: options.gateways }, (): Member => ({ role: "gateway", process: null })),
      ...Array.from({ length: options.publishers }, (): Member => ({ role: "publisher", process: null })),
    ];
    const fleet = new Fleet(nats, options, members);
    try {
      await Promise.all(members.map((_, index) => fleet.startMember(index)));
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** Indexes of the members with a role. */
  indexesOf(role: Role): readonly number[] {
    return [...this.#members.keys()].filter((index) => this.#members[index]?.role === role);
  }

  get gatewayUrls(): readonly string[] {
    return this.#running("gateway").map((each) => each.webSocketUrl);
  }

  get publisherUrls(): readonly string[] {
    return this.#running("publisher").map((each) => each.url);
  }

  async startMember(index: number): Promise<void> {
    const { configFile, nodeArgs } = this.#options;
    const member = this.#member(index);
    const args = ["--config", configFile, "--nats", this.nats.urls.join(",")];
    member.process = await CarillonProcess.start(member.role, args, { nodeArgs });
  }

  /** kill -9. */
  async killMember(index: number): Promise<void> {
    const { process } = this.#member(index);
    // Out of the list first, as a load balancer would notice soon.
    this.#member(index).process = null;
    await process?.kill();
  }

  /** Freezes a member, or lets it go on. */
  signalMember(index: number, signal: "SIGSTOP" | "SIGCONT"): void {
    const running = this.#member(index).process;
    if (running !== null) process.kill(running.pid, signal);
  }

  /** Harms the links of a member to some servers of NATS. Returns the act that ends it. */
  harmLinks(index: number, how: Harm, servers: readonly number[]): () => void {
    const { role, process } = this.#member(index);
    // Its name on NATS, which holds its process id: another one in its place has links of its own.
    const name = `carillon-${role}-${process?.pid}`;
    this.nats.links.harmClient(how, name, servers);
    return () => this.nats.links.healClient(name);
  }

  /** What the processes logged, for reading after a failure. */
  get logs(): readonly string[] {
    return this.#members.flatMap(({ process }) => (process === null ? [] : [process.log]));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map((_, index) => this.killMember(index)));
    await this.nats.stop();
  }

  #running(role: Role): readonly CarillonProcess[] {
    return this.#members.flatMap((each) => (each.role === role && each.process !== null ? [each.process] : []));
  }

  #member(index: number): Member {
    const member = this.#members[index];
    if (member === undefined) throw new RangeError(`the fleet has no member ${index}`);
    return member;
  }
}
