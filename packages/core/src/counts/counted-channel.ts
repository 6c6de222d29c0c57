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
  /** True when somebody may not know what was announced: it is said again, even if it is the same. */
  isAnnouncementWanted = false;
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

  /** What is known of the others may be wrong: they are about to say it anew, those that have none by silence. */
  doubt(): void {
    for (const [nodeId, { version }] of this.#elsewhere) this.#elsewhere.set(nodeId, { count: 0, version });
  }

  /** Stops what is under way. */
  cancel(): void {
    this.announcing?.cancel();
    this.telling?.cancel();
    this.announcing = null;
    this.telling = null;
  }
}
