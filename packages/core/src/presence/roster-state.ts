import type { Member, MemberPage } from "./member.ts";
import type { PresenceDelta, PresenceUser } from "./presence-delta.ts";

/** What became of a delta: `repeat` was known, `gap` wants the node's whole part. */
export type DeltaVerdict = "applied" | "repeat" | "gap";

/** What has changed since it was last asked. */
export interface RosterDiff {
  readonly joined: readonly Member[];
  /** Ids among `joined` of users who were told before, with another info; absent when there are none. */
  readonly changed?: ReadonlySet<string>;
  readonly left: readonly string[];
}

interface NodePart {
  version: number;
  users: Map<string, PresenceUser>;
}

interface OwnUser {
  readonly user: PresenceUser;
  readonly connections: Set<number>;
}

/**
 * Who is on one channel: the users of each node, and what the subscribers here have been told of it. Pure: it is told what
 * happened, and knows neither clock nor wire.
 *
 * Its laws: a user is there when any node lists it; of several entries the one that came first counts (by time, then by node
 * id), so that all nodes show the same; applying the same things in any order that the versions allow gives the same. A user who
 * is here only because it may come back, and does so with another info, has that one from then on.
 */
export class RosterState {
  readonly #nodeId: string;
  readonly #own = new Map<string, OwnUser>();
  readonly #nodes = new Map<string, NodePart>();
  /** Versions at which nodes were left without users: an answer that was under way meanwhile may be older. null: none was. */
  #emptied: Map<string, number> | null = null;
  readonly #told = new Map<string, Member>();
  /** Users of whom something changed since the last diff, each with what it adds to the number of those who were told. */
  readonly #dirty = new Map<string, number>();
  /** Those of them who changed since it was last asked how many there are: in a storm each who comes asks that. null: nobody. */
  #uncounted: Set<string> | null = null;
  /** What all of the dirty add. */
  #added = 0;
  #sorted: string[] | null = null;

  constructor(nodeId: string) {
    this.#nodeId = nodeId;
  }

  /** Users here. */
  get ownUsers(): PresenceUser[] {
    return [...this.#own.values()].map(({ user }) => user);
  }

  /** A user here; undefined when there is none. */
  ownUser(userId: string): PresenceUser | undefined {
    return this.#own.get(userId)?.user;
  }

  get ownCount(): number {
    return this.#own.size;
  }

  /** True when something changed since the last {@link diff}. */
  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Users that are there, whether the subscribers have been told of them or not. */
  get count(): number {
    for (const id of this.#uncounted ?? []) {
      const adds = Number(this.has(id)) - Number(this.#told.has(id));
      this.#added += adds - (this.#dirty.get(id) ?? 0);
      this.#dirty.set(id, adds);
    }
    this.#uncounted = null;
    return this.#told.size + this.#added;
  }

  /** Users that the subscribers have been told of. */
  get toldCount(): number {
    return this.#told.size;
  }

  /** True when a node lists this user, whether it was told or not. */
  has(userId: string): boolean {
    return this.#winner(userId) !== undefined;
  }

  /** A connection of a user came here. True when other nodes don't know what that makes of the user. */
  enter(member: Member, connection: number, nowMs: number): boolean {
    const own = this.#own.get(member.id);
    if (own !== undefined && (own.connections.size > 0 || own.user.info === member.info)) {
      own.connections.add(connection);
      return false;
    }
    const user: PresenceUser = { ...member, sinceMs: nowMs };
    this.#own.set(member.id, { user, connections: new Set([connection]) });
    this.#touch(member.id);
    return true;
  }

  /** A connection went. True when it was the user's last one here; the user stays until {@link remove}. */
  leave(userId: string, connection: number): boolean {
    const own = this.#own.get(userId);
    return own?.connections.delete(connection) === true && own.connections.size === 0;
  }

  /** Removes a user without connections here; false when there is none, or it has come back. */
  remove(userId: string): boolean {
    const own = this.#own.get(userId);
    if (own === undefined || own.connections.size > 0) return false;
    this.#own.delete(userId);
    this.#touch(userId);
    return true;
  }

  /** The version of a node's part that is known; 0: nothing is. */
  versionOf(nodeId: string): number {
    return this.#nodes.get(nodeId)?.version ?? 0;
  }

  /** What another node says has changed. */
  apply({ nodeId, previousVersion, version, joined, left }: PresenceDelta): DeltaVerdict {
    if (version <= this.#newestOf(nodeId)) return "repeat";
    if (previousVersion === 0) {
      this.replace(nodeId, version, joined);
      return "applied";
    }
    const part = this.#nodes.get(nodeId);
    if (part === undefined || previousVersion !== part.version) return "gap";
    part.version = version;
    for (const id of left) if (part.users.delete(id)) this.#touch(id);
    for (const user of joined) {
      part.users.set(user.id, user);
      this.#touch(user.id);
    }
    return "applied";
  }

  /** What another node says is its whole part at a version; older news than what is known is passed over. */
  replace(nodeId: string, version: number, users: readonly PresenceUser[]): void {
    const part = this.#nodes.get(nodeId);
    if (version <= this.#newestOf(nodeId)) return;
    for (const id of part?.users.keys() ?? []) this.#touch(id);
    for (const { id } of users) this.#touch(id);
    // A node without users is asked about as those that were never heard of, so that it need not answer.
    if (users.length === 0) {
      this.#nodes.delete(nodeId);
      this.#emptied ??= new Map();
      this.#emptied.set(nodeId, version);
    } else {
      this.#nodes.set(nodeId, { version, users: new Map(users.map((user) => [user.id, user])) });
      this.#emptied?.delete(nodeId);
    }
  }

  /** A node is no more: its users go as one. */
  drop(nodeId: string): void {
    for (const id of this.#nodes.get(nodeId)?.users.keys() ?? []) this.#touch(id);
    this.#nodes.delete(nodeId);
    this.#emptied?.delete(nodeId);
  }

  /** The nodes whose part is known. */
  get nodeIds(): string[] {
    return [...this.#nodes.keys()];
  }

  /** Forgets all but the own users, and what was told: nobody here listens any more. */
  forget(): void {
    this.#nodes.clear();
    this.#emptied = null;
    this.#told.clear();
    this.#sorted = null;
    this.#clearDirty();
    for (const id of this.#own.keys()) this.#touch(id);
  }

  /** What the subscribers have to be told; they count as told of it. */
  diff(): RosterDiff {
    const joined: Member[] = [];
    const left: string[] = [];
    const changed = new Set<string>();
    for (const id of this.#dirty.keys()) {
      const now = this.#winner(id);
      const before = this.#told.get(id);
      if (now === undefined) {
        if (this.#told.delete(id)) left.push(id);
      } else if (before === undefined || before.info !== now.info) {
        const member: Member = { id, info: now.info };
        this.#told.set(id, member);
        joined.push(member);
        if (before !== undefined) changed.add(id);
      }
    }
    this.#clearDirty();
    if (joined.length > 0 || left.length > 0) this.#sorted = null;
    return changed.size === 0 ? { joined, left } : { joined, left, changed };
  }

  /** True when the subscribers have been told of this user. */
  isTold(userId: string): boolean {
    return this.#told.has(userId);
  }

  /** All that the subscribers have been told of. */
  get told(): Member[] {
    return [...this.#told.values()];
  }

  /** A part of those who were told, by id in ascending order. Sorts once after each change. */
  page(after: string | null, limit: number): MemberPage {
    this.#sorted ??= [...this.#told.keys()].sort(compare);
    const ids = this.#sorted;
    const from = after === null ? 0 : firstAfter(ids, after);
    const chosen = ids.slice(from, from + limit);
    const members = chosen.map((id) => this.#told.get(id) as Member);
    return { members, next: from + limit < ids.length ? (chosen.at(-1) ?? null) : null };
  }

  #touch(userId: string): void {
    if (!this.#dirty.has(userId)) this.#dirty.set(userId, 0);
    this.#uncounted ??= new Set();
    this.#uncounted.add(userId);
  }

  #clearDirty(): void {
    this.#dirty.clear();
    this.#uncounted = null;
    this.#added = 0;
  }

  /** The newest version that was heard of, also where it left nobody. */
  #newestOf(nodeId: string): number {
    return this.#nodes.get(nodeId)?.version ?? this.#emptied?.get(nodeId) ?? 0;
  }

  /** The entry that counts: the first one by time, then by node id. */
  #winner(userId: string): PresenceUser | undefined {
    let winner = this.#own.get(userId)?.user;
    let winnerNode = this.#nodeId;
    for (const [nodeId, { users }] of this.#nodes) {
      const user = users.get(userId);
      if (user === undefined) continue;
      const isEarlier =
        winner === undefined ||
        user.sinceMs < winner.sinceMs ||
        (user.sinceMs === winner.sinceMs && nodeId < winnerNode);
      if (!isEarlier) continue;
      winner = user;
      winnerNode = nodeId;
    }
    return winner;
  }
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Where the ids behind `after` begin. */
function firstAfter(ids: readonly string[], after: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] as string) <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
