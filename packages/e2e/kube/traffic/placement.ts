import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { ClientHost } from "./client-host.ts";

/** Through which load balancer to ask, and from how many addresses. */
export interface PlacementQuestion {
  readonly front: string;
  readonly key: string;
  readonly clients: number;
}

/** The gateway of each client, by its number; "" for one that got no connection. */
export interface PlacementAnswer {
  readonly gateways: readonly string[];
}

/** Where clients are led: one connection from each address. */
export class Placement {
  readonly gateways: readonly string[];

  private constructor(gateways: readonly string[]) {
    this.gateways = gateways;
  }

  /** Asks by a process on the host. */
  static async ask(surveyor: ChildProcess, question: PlacementQuestion): Promise<Placement> {
    const answered = once(surveyor, "message");
    surveyor.send(question);
    const [{ gateways }] = (await answered) as [PlacementAnswer];
    return new Placement(gateways);
  }

  /** Starts the process that asks. */
  static surveyor(host: ClientHost): ChildProcess {
    return host.spawn("placement-process");
  }

  get refused(): number {
    return this.gateways.filter((each) => each === "").length;
  }

  /** Clients by gateway. */
  get counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const each of this.gateways) counts.set(each, (counts.get(each) ?? 0) + 1);
    return counts;
  }

  /** Clients of the fullest gateway over the mean. */
  get imbalance(): number {
    const counts = [...this.counts.values()];
    return (Math.max(...counts) * counts.length) / this.gateways.length;
  }

  /** Share of the clients that are led elsewhere than in another one. */
  movedFrom(other: Placement): number {
    return this.gateways.filter((each, client) => each !== other.gateways[client]).length / this.gateways.length;
  }

  /** Share of the clients whose gateway is in one of them and not in the other: the least that has to move. */
  leastToMove(other: Placement): number {
    const onlyIn = (one: Placement, two: Placement) =>
      one.gateways.filter((each) => !two.counts.has(each)).length / one.gateways.length;
    return onlyIn(this, other) + onlyIn(other, this);
  }
}
