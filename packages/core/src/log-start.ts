import type { HistoryReader } from "./history-reader.ts";
import type { LoggedChannel } from "./logged-channel.ts";
import type { PastWant } from "./past-wants.ts";
import type { Position, StoredPublication } from "./ports/history-store.ts";

/** Most publications that one subscribe is caught up with. */
export const MAX_CAUGHT_UP = 1000;

/** Where a log begins: what counts as delivered. */
export interface LogStart {
  readonly position: Position;
  /** Neighbours in the stream, oldest first, up to the position. */
  readonly publications?: readonly StoredPublication[];
  /** Everything after this offset is among them. Absent: the first of them; without any, nothing can be proven. */
  readonly floor?: number;
}

/** Everything so far counts as delivered. */
export function atHead(head: Position): LogStart {
  return { position: head, floor: head.offset };
}

/** What a first read of the store is made with. */
export interface LogStartQuery extends PastWant {
  readonly reader: HistoryReader;
  readonly maxBytes: number | undefined;
}

/** Reads where a log begins, with as much of what is wanted of the past as can be proven. Rejects as the reader does. */
export async function readLogStart({ channel, log }: LoggedChannel, query: LogStartQuery): Promise<LogStart> {
  const { limits } = log;
  const { reader, since, newest, maxBytes } = query;
  if (since !== null) {
    const tail = await reader.readTail(channel, { limits, since, most: MAX_CAUGHT_UP, maxBytes });
    const { publications, head } = tail;
    if (!tail.isReachable || tail.hasMore) return atHead(head);
    const offset = publications.at(-1)?.offset;
    const position = offset === undefined ? head : { epoch: head.epoch, offset };
    return { position, publications, floor: Math.min(since.offset, head.offset) };
  }
  const { publications, head } = await reader.readNewest(channel, { limits, limit: newest, maxBytes });
  return publications.at(-1)?.offset === head.offset ? { position: head, publications } : atHead(head);
}
