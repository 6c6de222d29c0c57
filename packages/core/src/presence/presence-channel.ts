import type { Channel } from "../channel.ts";
import type { ChannelAddress } from "../ports/bus.ts";
import type { Timer } from "../ports/clock.ts";
import type { Member } from "./member.ts";
import type { PresenceUser } from "./presence-delta.ts";
import { RosterState } from "./roster-state.ts";

/** A connection that has entered, or is about to. */
export interface Entered {
  readonly connection: number;
  readonly member: Member | null;
}

/** What is waiting to be announced to the other nodes. */
export interface Unannounced {
  readonly joined: Map<string, PresenceUser>;
  readonly left: Set<string>;
}

/** One presence channel on this node: who is on it, and what is under way. A record; GossipPresence works on it. */
export class PresenceChannel {
  readonly address: ChannelAddress;
  readonly state: RosterState;
  /** The interest that brings what other nodes announce; null when there is none here. */
  channel: Channel | null = null;
  /** Settles when the other nodes' parts are known, of those which answered; null once they are. */
  whenKnown: Promise<void> | null = null;
  /** By connection. */
  readonly entered = new Map<number, Entered>();
  /** Users without connections here, in their grace: by id what tells it from a later one. */
  readonly graces = new Map<string, object>();
  /** Nodes that have not told their part. */
  readonly unknown = new Set<string>();

  /** Version of the last delta that this node announced here; 0 when it lists nobody, or never did. */
  version = 0;
  readonly unannounced: Unannounced = { joined: new Map(), left: new Set() };
  /** True when an announcement may have been lost: the next one says all. */
  isAnnouncedInDoubt = false;
  announcing: Timer | null = null;
  announcedAtMs = Number.NEGATIVE_INFINITY;

  telling: Timer | null = null;
  toldAtMs = Number.NEGATIVE_INFINITY;
  /** Called after the next telling. */
  waiting: (() => void)[] = [];
  isCountOnly = false;

  constructor(address: ChannelAddress, nodeId: string) {
    this.address = { appId: address.appId, channel: address.channel };
    this.state = new RosterState(nodeId);
  }

  /** True when nothing is left that must be remembered. */
  get isIdle(): boolean {
    return this.channel === null && this.state.ownCount === 0 && this.announcing === null && this.entered.size === 0;
  }
}
