import { accept, isServerChannel, type Result, refuse } from "@carillon/protocol";
import type { Channel } from "../channel.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Bus, ChannelAddress } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import { Announcer } from "./announcer.ts";
import { GraceQueue } from "./grace-queue.ts";
import type { Roster } from "./member.ts";
import type { Presence, PresenceEntry } from "./presence.ts";
import { type Entered, PresenceChannel } from "./presence-channel.ts";
import { createPresenceCounters, type PresenceCounters } from "./presence-counters.ts";
import { decodePresenceDelta, type PresenceDelta } from "./presence-delta.ts";
import { PresencePulls } from "./presence-pulls.ts";
import { Teller, type TellerHub } from "./teller.ts";

/** What a GossipPresence stands on. */
export interface GossipPresenceOptions {
  readonly bus: Pick<Bus, "publish" | "status" | "onStatus">;
  readonly cluster: Cluster;
  readonly hub: TellerHub;
  readonly clock: Clock;
  /** How long a user whose last connection broke, or whose node has gone, is still there, in ms. */
  readonly graceMs: number;
  /** Up to how many users the subscribers of a channel are told who comes and goes. */
  readonly listUpTo: (address: ChannelAddress) => number;
}

const ACCEPTED: Result<void> = accept(undefined);

interface Leaving {
  readonly of: PresenceChannel;
  readonly userId: string;
  /** The user has come back when this is no longer what the channel remembers. */
  readonly mark: object;
}

/**
 * Presence by gossip. Each node answers for its own users and announces what changes on the channel's own subject, which
 * whoever has interest in the channel hears. What a node says is replaced by what it says later, and goes with it.
 *
 * Where what happens: {@link RosterState} knows who is there, {@link Announcer} tells other nodes, {@link PresencePulls} asks
 * them, {@link Teller} tells the subscribers here.
 */
export class GossipPresence implements Presence {
  readonly counters: PresenceCounters = createPresenceCounters();
  readonly #options: GossipPresenceOptions;
  readonly #channels = new Map<string, PresenceChannel>();
  readonly #announcer: Announcer;
  readonly #pulls: PresencePulls;
  readonly #teller: Teller;
  readonly #leaving: GraceQueue<Leaving>;
  readonly #gone: GraceQueue<string>;
  /** Nodes that have gone and not come back. */
  readonly #goneNodes = new Set<string>();
  readonly #stops: readonly (() => void)[];

  constructor(options: GossipPresenceOptions) {
    const { bus, cluster, hub, clock, graceMs, listUpTo } = options;
    this.#options = options;
    const { counters } = this;
    this.#announcer = new Announcer({
      bus,
      clock,
      counters,
      nodeId: cluster.nodeId,
      onIdle: (of) => this.#forgetIfIdle(of),
    });
    this.#teller = new Teller({ hub, clock, counters, listUpTo });
    this.#pulls = new PresencePulls({
      cluster,
      clock,
      counters,
      channels: () => this.#channels.values(),
      find: (address) => this.#channels.get(keyOf(address)),
      partOf: (address) => this.#ownPart(address),
      version: () => this.#announcer.version,
      onChange: (of) => this.#teller.request(of),
    });
    this.#leaving = new GraceQueue({ clock, graceMs, onDue: (leaving) => this.#endGrace(leaving) });
    this.#gone = new GraceQueue({ clock, graceMs, onDue: (nodeId) => this.#dropNode(nodeId) });
    this.#stops = [
      cluster.onAppeared(({ id, isGateway }) => {
        this.#goneNodes.delete(id);
        if (isGateway) this.#pulls.compare(id);
      }),
      cluster.onGone(({ id }) => {
        this.#goneNodes.add(id);
        this.#gone.add(id);
      }),
      bus.onStatus((status) => {
        if (status !== "connected") return;
        this.#announcer.repeatDoubtful(this.#channels.values());
        this.#pulls.compareAll();
      }),
    ];
  }

  /** Users on this node, once for each channel. */
  get members(): number {
    let sum = 0;
    for (const { address, state } of this.#channels.values())
      if (!isServerChannel(address.channel)) sum += state.ownCount;
    return sum;
  }

  /** Channels that something is known of. */
  get channels(): number {
    return this.#channels.size;
  }

  async enter(entry: PresenceEntry): Promise<Result<void>> {
    const { channel, connection, member, maxMembers } = entry;
    const of = this.#on(channel);
    const entered: Entered = { connection, member };
    of.entered.set(connection, entered);
    if (channel.whenHeld !== null) await channel.whenHeld;
    if (of.whenKnown !== null) await of.whenKnown;
    // Left meanwhile, or the interest is another one: whoever asked hears of that from elsewhere.
    if (of.entered.get(connection) !== entered) return ACCEPTED;
    if (member !== null) {
      if (!of.state.has(member.id) && !this.#hasRoom(of, maxMembers)) {
        return refuse("presence_limit", `the channel has ${maxMembers} members, which is as many as it may have`);
      }
      of.graces.delete(member.id);
      if (of.state.enter(member, connection, this.#options.clock.now())) this.#announcer.joined(of, member.id);
    }
    if (of.state.isDirty) await this.#teller.tell(of);
    return ACCEPTED;
  }

  leave({ channel, connection, member }: PresenceEntry, isBroken: boolean): void {
    const of = this.#channels.get(keyOf(channel));
    if (of === undefined || !of.entered.delete(connection)) return;
    if (member === null || !of.state.leave(member.id, connection)) {
      // Where the bus refused the interest, nothing else is left.
      this.#forgetIfIdle(of);
      return;
    }
    if (isBroken && this.#options.graceMs > 0) this.#beginGrace(of, member.id);
    else this.#remove(of, member.id);
  }

  rosterOf(channel: Channel): Roster {
    const { state, unknown, isCountOnly } = this.#on(channel);
    return {
      count: state.toldCount,
      isComplete: unknown.size === 0,
      isCountOnly,
      has: (userId) => state.isTold(userId),
      page: (after, limit) => state.page(after, limit),
    };
  }

  /** Takes in what the bus brought on a channel's subject that is no event. */
  receive(channel: Channel, bytes: Uint8Array): void {
    const delta = decodePresenceDelta(bytes);
    const of = this.#channels.get(keyOf(channel));
    if (delta === null || of === undefined || of.channel !== channel) return;
    const { cluster } = this.#options;
    if (delta.nodeId === cluster.nodeId) return;
    // Not known to live: when it is heard of, it is asked for all that it has.
    if (!cluster.nodes.some(({ id }) => id === delta.nodeId)) return;
    this.#apply(of, delta);
  }

  /** The interest in a channel has ended: what other nodes have on it is not followed any more. */
  release(channel: Channel): void {
    const of = this.#channels.get(keyOf(channel));
    if (of?.channel !== channel) return;
    of.channel = null;
    of.whenKnown = null;
    of.unknown.clear();
    of.state.forget();
    this.#teller.forget(of);
    this.#forgetIfIdle(of);
  }

  /** Lets go of all timers and listeners. What this node announced goes when the cluster notices that it has gone. */
  close(): void {
    for (const stop of this.#stops) stop();
    this.#leaving.close();
    this.#gone.close();
    this.#pulls.close();
    for (const of of this.#channels.values()) {
      this.#teller.forget(of);
      of.announcing?.cancel();
      of.entered.clear();
    }
    this.#channels.clear();
  }

  /** The record of a channel that somebody here enters, following what others announce on it. */
  #on(channel: Channel): PresenceChannel {
    const key = keyOf(channel);
    let of = this.#channels.get(key);
    if (of === undefined) {
      of = new PresenceChannel(channel, this.#options.cluster.nodeId);
      this.#channels.set(key, of);
    }
    if (of.channel !== channel) {
      if (of.channel !== null) this.release(of.channel);
      this.#channels.set(key, of);
      of.channel = channel;
      of.whenKnown = this.#learn(of, channel);
    }
    return of;
  }

  async #learn(of: PresenceChannel, channel: Channel): Promise<void> {
    try {
      if (channel.whenHeld !== null) await channel.whenHeld;
    } catch {
      // Whoever enters hears of it from the interest itself.
      return;
    }
    await this.#pulls.learn(of);
    if (of.channel === channel) of.whenKnown = null;
  }

  #apply(of: PresenceChannel, delta: PresenceDelta): void {
    this.counters.deltasReceived++;
    const verdict = of.state.apply(delta);
    if (verdict === "applied") this.#teller.request(of);
    if (verdict !== "gap") return;
    this.counters.gaps++;
    this.#pulls.catchUp(of, delta.nodeId);
  }

  /** Whether one more user may come. Nobody is kept out by users who have gone, and only might come back here. */
  #hasRoom(of: PresenceChannel, maxMembers: number): boolean {
    if (maxMembers === 0) return true;
    for (const [userId, mark] of of.graces) {
      if (of.state.count < maxMembers) break;
      this.#endGrace({ of, userId, mark });
    }
    return of.state.count < maxMembers;
  }

  #beginGrace(of: PresenceChannel, userId: string): void {
    const mark = {};
    of.graces.set(userId, mark);
    this.#leaving.add({ of, userId, mark });
  }

  #endGrace({ of, userId, mark }: Leaving): void {
    if (of.graces.get(userId) !== mark) return;
    of.graces.delete(userId);
    this.#remove(of, userId);
  }

  #remove(of: PresenceChannel, userId: string): void {
    if (!of.state.remove(userId)) return;
    this.#announcer.left(of, userId);
    if (of.channel !== null) this.#teller.request(of);
    this.#forgetIfIdle(of);
  }

  #dropNode(nodeId: string): void {
    if (!this.#goneNodes.delete(nodeId)) return;
    for (const of of this.#channels.values()) {
      of.state.drop(nodeId);
      of.unknown.delete(nodeId);
      if (of.channel !== null) this.#teller.request(of);
    }
  }

  #ownPart(address: ChannelAddress): PresenceChannel | undefined {
    const of = this.#channels.get(keyOf(address));
    // What waits to be announced would change what is answered without another version.
    if (of !== undefined) this.#announcer.flush(of);
    return of;
  }

  #forgetIfIdle(of: PresenceChannel): void {
    if (of.isIdle && this.#channels.get(keyOf(of.address)) === of) this.#channels.delete(keyOf(of.address));
  }
}

// App ids have no slash.
function keyOf({ appId, channel }: ChannelAddress): string {
  return `${appId}/${channel}`;
}
