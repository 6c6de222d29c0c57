import type { Joined, Roster, Session } from "@carillon/core";
import { accept, type MembersFrame, type PresenceCommand, type PresenceReport, type Result } from "@carillon/protocol";
import { memberItem } from "./native-codec.ts";

/** Members in the reply to a subscribe; who wants more asks for further pages. */
const FIRST_PAGE = 100;

/** What the reply to a subscribe says about a presence channel. */
export function presenceReport(roster: Roster, me: Joined["me"]): PresenceReport {
  const { members, next } = roster.isCountOnly ? { members: null, next: null } : roster.page(null, FIRST_PAGE);
  return {
    count: roster.count,
    ...(members === null ? {} : { members: members.map(memberItem) }),
    ...(next === null ? {} : { next }),
    ...(me === undefined ? {} : { me: memberItem(me) }),
    ...(roster.isComplete ? {} : { complete: false }),
    ...(roster.isCountOnly ? { countOnly: true } : {}),
  };
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
