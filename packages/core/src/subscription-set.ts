import type { Result } from "@carillon/protocol";
import type { Channel } from "./channel.ts";
import type { Joining } from "./joining.ts";
import type { AppLimits } from "./ports/apps.ts";
import type { Clock } from "./ports/clock.ts";
import type { Member } from "./presence/member.ts";
import { RateLimit } from "./rate-limit.ts";

/** What an accepted subscribe comes to: a way to join on channels with history, nothing more on others. */
export type SubscribeResult = Result<Joining | undefined>;

/** One session's subscription to one channel. */
export interface Subscription {
  readonly channel: Channel;
  /** What a subscribe that waits, for the bus or for its joining, is answered; null once the subscription stands. */
  pending: SubscribeResult | Promise<SubscribeResult> | null;
  /** True when nothing but the connection token let it in: it ends when a newer token no longer does. */
  readonly isByCapability: boolean;
  /** Who the connection is on a presence channel; null when it only watches, and on other channels. */
  readonly member: Member | null;
}

/** What bounds how many channels come and go. */
type TurnoverLimits = Pick<AppLimits, "channelsPerConnection" | "commandsPerSecond">;

/** From how many on a map is worth its memory: below, looking through a list is as fast and takes a fifth of it. */
const MAP_FROM = 9;

/** The subscriptions of one session, by channel name. Most sessions have a few, some have hundreds. */
export class SubscriptionSet {
  #list: Subscription[] = [];
  #byName: Map<string, Subscription> | null = null;
  /** From the first removal or repeat on: whoever only subscribes is bounded by what the set may hold. */
  #turnover: RateLimit | null = null;

  get size(): number {
    return this.#byName === null ? this.#list.length : this.#byName.size;
  }

  get(name: string): Subscription | undefined {
    if (this.#byName !== null) return this.#byName.get(name);
    for (const subscription of this.#list) {
      if (subscription.channel.channel === name) return subscription;
    }
    return undefined;
  }

  /** True once something was removed, or asked for again: what is added from then on has to be counted. */
  get hasTurnover(): boolean {
    return this.#turnover !== null;
  }

  /** Counts a channel that is about to be added, or is asked for again; false when that were too many of late. */
  takeTurn({ channelsPerConnection, commandsPerSecond }: TurnoverLimits, clock: Pick<Clock, "monotonic">): boolean {
    if (channelsPerConnection === 0) return true;
    this.#turnover ??= new RateLimit();
    return this.#turnover.take(commandsPerSecond, clock.monotonic(), 2 * channelsPerConnection);
  }

  /** Adds one whose channel is not in the set. */
  add(subscription: Subscription): void {
    if (this.#byName === null && this.#list.length + 1 < MAP_FROM) {
      // Not `push`, which makes room for seventeen: 130 bytes for each connection.
      this.#list = this.#list.length === 0 ? [subscription] : this.#list.concat(subscription);
      return;
    }
    if (this.#byName === null) {
      this.#byName = new Map(this.#list.map((each) => [each.channel.channel, each]));
      this.#list = [];
    }
    this.#byName.set(subscription.channel.channel, subscription);
  }

  /** Removes exactly this one; false when it was not there (any more), or another one of the same name is. */
  remove(subscription: Subscription): boolean {
    if (this.get(subscription.channel.channel) !== subscription) return false;
    this.#turnover ??= new RateLimit();
    if (this.#byName !== null) return this.#byName.delete(subscription.channel.channel);
    this.#list.splice(this.#list.indexOf(subscription), 1);
    return true;
  }

  /** What is in the set now; safe to change the set while going through it. */
  all(): readonly Subscription[] {
    return this.#byName === null ? [...this.#list] : [...this.#byName.values()];
  }

  /** Empties the set and returns what was in it. */
  takeAll(): Subscription[] {
    const all = this.#byName === null ? this.#list : [...this.#byName.values()];
    this.#list = [];
    this.#byName = null;
    return all;
  }
}
