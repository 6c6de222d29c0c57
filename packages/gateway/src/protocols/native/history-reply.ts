import { formatPosition, parsePosition, type Session } from "@carillon/core";
import { accept, type HistoryCommand, type HistoryFrame, type Result, refuse } from "@carillon/protocol";

/** Reads what a history command asks for. `maxBytes`: how much of it may be written. */
export async function readHistory(
  session: Session,
  command: HistoryCommand,
  maxBytes: number,
): Promise<Result<HistoryFrame>> {
  const { id, channel, limit, direction } = command;
  const since = command.since === undefined ? null : parsePosition(command.since);
  if (since === null && command.since !== undefined) {
    return refuse("invalid_field", `"since" is not a position: take it from a delivery or a reply`);
  }
  const result = await session.readHistory({ channel, limit, since, direction, maxBytes });
  if (!result.ok) return result;
  const { publications, position, hasMore, isReachable } = result.value;
  return accept({
    type: "history",
    ...(id === undefined ? {} : { id }),
    channel,
    publications: publications.map((each) => ({ ...each, position: formatPosition(each.position) })),
    position: formatPosition(position),
    hasMore,
    ...(since === null ? {} : { reachable: isReachable }),
  });
}
