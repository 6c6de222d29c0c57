/** Somebody who is on a presence channel. One for each user, however many connections that user has. */
export interface Member {
  /** The user's id, 1 to 128 characters. */
  readonly id: string;
  /** What the application vouches for about the user: JSON text of at most 1,024 bytes; null for nothing. */
  readonly info: string | null;
}

/** What has changed on a presence channel since its subscribers were last told. */
export interface PresenceChange {
  /** Users whose first connection came; empty on a channel that only counts. Also those whose info is another now. */
  readonly joined: readonly Member[];
  /** Ids among `joined` of users who were there before, and whose info is another now; absent when there are none. */
  readonly changed?: ReadonlySet<string>;
  /** Ids of users whose last connection went; empty on a channel that only counts. */
  readonly left: readonly string[];
  /** Users that are on the channel now. */
  readonly count: number;
  /** True when the channel has so many members that changes are no longer told one by one. */
  readonly isCountOnly: boolean;
}

/** A part of the members of a channel, in a fixed order. */
export interface MemberPage {
  readonly members: readonly Member[];
  /** Where the next page begins; null when this was the last. */
  readonly next: string | null;
}

/** Who is on a presence channel, as its subscribers have been told so far: changes that follow continue it without a hole. */
export interface Roster {
  readonly count: number;
  /** False when a node did not tell its members in time; it is asked again, and what it tells then comes as a change. */
  readonly isComplete: boolean;
  readonly isCountOnly: boolean;
  /** True for a user who is on the channel. */
  has(userId: string): boolean;
  /** Members by id in ascending order (UTF-16 code units), those after the id `after`; null begins at the first. */
  page(after: string | null, limit: number): MemberPage;
}
