import type { Result } from "@carillon/protocol";
import type { Position } from "./ports/history-store.ts";
import type { Member, Roster } from "./presence/member.ts";
import type { RecoveryFailure } from "./recovery.ts";

/** What a subscriber of a channel with history or presence is told when it joins. */
export interface Joined {
  /** Where it stands: what follows comes live. null while the store has never been reached for this channel; absent without history. */
  readonly position?: Position | null;
  /** Whether nothing is missing since the position it gave; absent when it gave none. */
  readonly isRecovered?: boolean;
  /** Why it isn't recovered. */
  readonly reason?: RecoveryFailure;
  /** What it missed or asked for, in its codec, oldest first. To be written right behind the answer. */
  readonly frames: readonly Uint8Array[];
  /**
   * On a cache channel: whether its newest event is the frame that is there; absent on other channels, for a repeat, and where
   * the frames are what was asked for.
   */
  readonly isCached?: boolean;
  /** True on a cache channel where the frames are what was missed: the last of them is its newest event. */
  readonly endsWithNewest?: boolean;
  /** Who is on the channel; absent on channels without presence. What comes and goes later is told by changes. */
  readonly roster?: Roster;
  /** The member that this connection is; absent for one that only watches. */
  readonly me?: Member;
}

/**
 * A subscribe on a channel with history or presence that has been accepted, and waits for its subscriber to join. Joining, writing the
 * answer and writing the frames must be one turn of the event loop: from the join on, what is published comes live.
 */
export interface Joining {
  /** Joins. Refuses with `cancelled` when the channel was unsubscribed meanwhile. A repeat gets the position alone. */
  join(): Result<Joined>;
}
