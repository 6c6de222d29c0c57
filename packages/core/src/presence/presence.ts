import type { Result } from "@carillon/protocol";
import type { Channel } from "../channel.ts";
import type { Member, Roster } from "./member.ts";

/** One connection on a presence channel. */
export interface PresenceEntry {
  readonly channel: Channel;
  /** The connection's number on this node. */
  readonly connection: number;
  /** Who it is; null for one that only watches. */
  readonly member: Member | null;
  /** Most users that the channel may have; 0 = no limit. */
  readonly maxMembers: number;
}

/** Who is on the presence channels of this node, kept as one truth with all other nodes. Called by Subscribing. */
export interface Presence {
  /**
   * Makes a connection part of a channel, whose interest stands or is being asked for: accepted when the roster can be told,
   * the connection's own user in it, and everybody who was on the channel before has been told of that user. Refuses with
   * `presence_limit` when the channel has as many users as the app allows; users of this node who have gone, and only might come
   * back, make room. Rejects when the bus refuses interest. Whatever
   * it comes to, {@link leave} undoes it.
   */
  enter(entry: PresenceEntry): Promise<Result<void>>;

  /**
   * Undoes {@link enter}, also one that is not answered yet. `isBroken`: the connection was lost, so its user stays for the
   * grace window and may come back; else the user leaves at once. Idempotent.
   */
  leave(entry: PresenceEntry, isBroken: boolean): void;

  /** Who is on a channel that somebody here has entered, as its subscribers have been told so far. */
  rosterOf(channel: Channel): Roster;
}
