import type { Channel } from "../channel.ts";
import type { ChannelAddress } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { PresenceChange } from "./member.ts";
import type { PresenceChannel } from "./presence-channel.ts";
import type { PresenceCounters } from "./presence-counters.ts";
import type { RosterDiff } from "./roster-state.ts";

/** The way to the subscribers of a channel on this node. */
export interface TellerHub {
  announcePresence(channel: Channel, change: PresenceChange): void;
}

/** What a Teller stands on. */
export interface TellerOptions {
  readonly hub: TellerHub;
  readonly clock: Clock;
  readonly counters: PresenceCounters;
  readonly listUpTo: (address: ChannelAddress) => number;
}

/** Between two tellings on a channel, in ms. The first change is told at once. */
const TELL_EVERY_MS = 50;

/** The same on a channel that only counts. */
const COUNT_EVERY_MS = 1000;

/** Below this share of the limit a channel that only counts tells names again: so one user can't make it swing. */
const LIST_AGAIN_SHARE = 0.9;

/** Tells the subscribers of presence channels on this node who comes and goes, in batches. */
export class Teller {
  readonly #options: TellerOptions;

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  /** Something changed: the subscribers will be told. */
  request(of: PresenceChannel): void {
    if (of.telling !== null || of.channel === null) return;
    const everyMs = of.isCountOnly ? COUNT_EVERY_MS : TELL_EVERY_MS;
    const waitMs = of.toldAtMs + everyMs - this.#options.clock.monotonic();
    of.telling = this.#options.clock.after(Math.max(waitMs, 0), () => this.#tell(of));
  }

  /** Resolves once the subscribers were told of everything that has happened so far; at once where they are only told numbers. */
  tell(of: PresenceChannel): Promise<void> {
    this.request(of);
    if (of.isCountOnly || of.telling === null) return Promise.resolve();
    return new Promise((resolve) => of.waiting.push(resolve));
  }

  /** Nobody here listens any more. */
  forget(of: PresenceChannel): void {
    of.telling?.cancel();
    of.telling = null;
    of.isCountOnly = false;
    for (const resolve of of.waiting.splice(0)) resolve();
  }

  #tell(of: PresenceChannel): void {
    of.telling = null;
    of.toldAtMs = this.#options.clock.monotonic();
    const before = of.state.toldCount;
    const { joined, left, changed } = of.state.diff();
    const wasCountOnly = of.isCountOnly;
    of.isCountOnly = this.#isCountOnly(of);
    const count = of.state.toldCount;
    const hasChanged = of.isCountOnly ? count !== before || !wasCountOnly : joined.length > 0 || left.length > 0;
    if (of.channel !== null && (hasChanged || (wasCountOnly && !of.isCountOnly))) {
      this.#options.counters.changesTold++;
      this.#options.hub.announcePresence(
        of.channel,
        this.#change(of, { joined, left, ...(changed === undefined ? {} : { changed }), wasCountOnly }),
      );
    }
    for (const resolve of of.waiting.splice(0)) resolve();
  }

  #change(
    { isCountOnly, state }: PresenceChannel,
    { wasCountOnly, ...diff }: RosterDiff & { readonly wasCountOnly: boolean },
  ): PresenceChange {
    const count = state.toldCount;
    if (isCountOnly) return { joined: [], left: [], count, isCountOnly };
    // Who was told only numbers knows nobody: all of them, once.
    return wasCountOnly ? { joined: state.told, left: [], count, isCountOnly } : { ...diff, count, isCountOnly };
  }

  #isCountOnly({ address, state, isCountOnly }: PresenceChannel): boolean {
    const limit = this.#options.listUpTo(address);
    return state.toldCount > (isCountOnly ? limit * LIST_AGAIN_SHARE : limit);
  }
}
