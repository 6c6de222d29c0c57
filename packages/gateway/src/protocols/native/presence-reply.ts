import type { Joined, Member, MemberPage, Roster, Session } from "@carillon/core";
import { accept, type MembersFrame, type PresenceCommand, type PresenceReport, type Result } from "@carillon/protocol";
import { memberItem } from "./native-codec.ts";

/** Members in the reply to a subscribe; who wants more asks for further pages. */
const FIRST_PAGE = 100;

/** Bytes of members in one reply, over all of its channels: with many full ones it would be more than a connection may have waiting. */
const MOST_LISTED_BYTES = 256 * 1024;

/** What a member is in a frame besides its id and its information, in bytes, about. */
const MEMBER_BYTES = 18;

/** What the reply to one subscribe says about the presence channels that it names. */
export class PresenceReports {
  #leftBytes = MOST_LISTED_BYTES;

  /** About one of them. It lists at least one member, and no more than the others have left room for. */
  next(roster: Roster, me: Joined["me"]): PresenceReport {
    const { members, next } = roster.isCountOnly ? { members: null, next: null } : this.#firstPage(roster);
    return {
      count: roster.count,
      ...(members === null ? {} : { members: members.map(memberItem) }),
      ...(next === null ? {} : { next }),
      ...(me === undefined ? {} : { me: memberItem(me) }),
      ...(roster.isComplete ? {} : { complete: false }),
      ...(roster.isCountOnly ? { countOnly: true } : {}),
    };
  }

  #firstPage(roster: Roster): MemberPage {
    const page = roster.page(null, FIRST_PAGE);
    const members: Member[] = [];
    for (const member of page.members) {
      if (members.length > 0 && this.#leftBytes <= 0) return { members, next: members.at(-1)?.id ?? null };
      members.push(member);
      this.#leftBytes -= MEMBER_BYTES + Buffer.byteLength(member.id) + Buffer.byteLength(member.info ?? "");
    }
    return page;
  }
}

/** The reply to a presence command. */
export function readMembers(session: Session, { id, channel, limit, after }: PresenceCommand): Result<MembersFrame> {
  const roster = session.rosterOf(channel);
  if (!roster.ok) return roster;
  const { members, next } = roster.value.page(after ?? null, limit);
  return accept({
    type: "members",
    ...(id === undefined ? {} : { id }),
    channel,
    count: roster.value.count,
    members: members.map(memberItem),
    ...(next === null ? {} : { next }),
  });
}
