import type { Channel } from "../channel.ts";
import type { Timer } from "../ports/clock.ts";

/** What another node last said. */
interface Heard {
  readonly count: number;
  readonly version: number;
}

/** One channel whose subscribers are counted: how many each node has, and what is under way. */
export class CountedChannel {
  readonly channel: Channel;
  readonly #elsewhere = new Map<string, Heard>();
  /** What this node last announced. */
  announced = 0;
  announcing: Timer | null = null;
  announcedAtMs = Number.NEGATIVE_INFINITY;
  telling: Timer | null = null;
  toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  /** Subscribers in the whole cluster, as far as is known here. */
  get total(): number {
    let sum = this.channel.subscribers;
    for (const { count } of this.#elsewhere.values()) sum += count;
    return sum;
  }

  /** What a node says. False when it changes nothing, or is older than what is known. */
  heard(nodeId: string, { count, version }: Heard): boolean {
    const known = this.#elsewhere.get(nodeId);
    if (known !== undefined && version <= known.version) return false;
    // None is kept as well: what the node said before may still be on its way.
    this.#elsewhere.set(nodeId, { count, version });
    return (known?.count ?? 0) !== count;
  }

  /** A node is no more. False when it had no subscribers. */
  drop(nodeId: string): boolean {
    const known = this.#elsewhere.get(nodeId);
    this.#elsewhere.delete(nodeId);
    return known !== undefined && known.count > 0;
  }

  /** Stops what is under way. */
  cancel(): void {
    this.announcing?.cancel();
    this.telling?.cancel();
    this.announcing = null;
    this.telling = null;
  }
}
