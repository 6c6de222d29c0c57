import type { MemberItem, MembersFrame, PresenceFrame, PresenceReport } from "@carillon/protocol";
import { Emitter } from "./emitter.ts";

/** Somebody on a presence channel. */
export interface Member<Info = unknown> {
  readonly id: string;
  /** What the application vouches for about the user; absent when there is nothing. */
  readonly info?: Info;
}

/** What presence tells. */
export interface PresenceEvents {
  /** A user has come, or has another `info` now. */
  enter: Member;
  /** A user has gone. */
  leave: Member;
  /** Anything about it is another now. Comes once after each of the server's frames. */
  change: Presence;
}

/** Gets a page of members behind an id. */
type LoadPage = (after: string) => Promise<MembersFrame>;

/**
 * Who is on a presence channel. Kept while the connection is away, when it may be out of date (`isCurrent`); what has changed
 * meanwhile is told afterwards.
 */
export class Presence extends Emitter<PresenceEvents> {
  readonly #load: LoadPage;
  #members: ReadonlyMap<string, Member> = new Map();
  #count = 0;
  #me: Member | null = null;
  #isCurrent = false;
  /** Tells the newest answer from those before. */
  #generation = 0;
  /** Ids that the newest answer, its further pages and changes since have told. */
  #seen: Set<string> | null = null;

  constructor(load: LoadPage) {
    super();
    this.#load = load;
  }

  /** By id. Another map after each change, so that it can be compared. Empty on a channel that only tells numbers. */
  get members(): ReadonlyMap<string, Member> {
    return this.#members;
  }

  /** Users on the channel. May be more than `members` has. */
  get count(): number {
    return this.#count;
  }

  /** The member that this connection is; null for one that only watches. */
  get me(): Member | null {
    return this.#me;
  }

  /** False while there is no connection, or not all members are known yet. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** @internal Takes what the answer to a subscribe says. Gets further pages by itself. */
  begin(report: PresenceReport): void {
    const generation = ++this.#generation;
    this.#me = report.me === undefined ? null : toMember(report.me);
    this.#count = report.count;
    this.#seen = new Set();
    void this.#merge(report, generation);
  }

  /** @internal Takes a change. */
  take({ joined = [], left = [], count }: PresenceFrame): void {
    for (const { id } of joined) this.#seen?.add(id);
    this.#count = count;
    this.#change(joined, left);
  }

  /** @internal The connection is away. */
  doubt(): void {
    this.#generation++;
    if (!this.#isCurrent) return;
    this.#isCurrent = false;
    this.emit("change", this);
  }

  /** @internal Nobody wants the channel any more. */
  end(): void {
    this.doubt();
    this.#count = 0;
    this.#me = null;
    this.#change([], [...this.#members.keys()]);
  }

  async #merge(
    first: Pick<MembersFrame, "next"> & { members?: readonly MemberItem[] },
    generation: number,
  ): Promise<void> {
    for (let page = first; ; ) {
      const { members = [], next } = page;
      for (const { id } of members) this.#seen?.add(id);
      const seen = this.#seen;
      // Those of before who are on no page have gone meanwhile.
      const gone = next === undefined ? [...this.#members.keys()].filter((id) => seen?.has(id) === false) : [];
      this.#isCurrent = next === undefined;
      this.#change(members, gone);
      if (next === undefined) return;
      try {
        page = await this.#load(next);
      } catch {
        // The connection broke, and the next answer begins anew; or the server refused, and isCurrent says so.
        return;
      }
      if (generation !== this.#generation) return;
    }
  }

  #change(joined: readonly MemberItem[], left: readonly string[]): void {
    const members = new Map(this.#members);
    const gone = left.flatMap((id) => members.get(id) ?? []);
    for (const { id } of gone) members.delete(id);
    const come = joined.map(toMember).filter((member) => !isSame(members.get(member.id), member));
    for (const member of come) members.set(member.id, member);
    this.#members = members;
    for (const member of gone) this.emit("leave", member);
    for (const member of come) this.emit("enter", member);
    this.emit("change", this);
  }
}

function isSame(known: Member | undefined, member: Member): boolean {
  return known !== undefined && JSON.stringify(known.info) === JSON.stringify(member.info);
}

function toMember({ id, info }: MemberItem): Member {
  return info === undefined ? { id } : { id, info };
}
