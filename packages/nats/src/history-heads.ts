import type { Position } from "@carillon/core";
import { pause } from "./deadline.ts";
import type { HistoryBatchInbox, LastMessages } from "./history-batch.ts";
import type { HistoryStream } from "./history-stream.ts";
import { StreamNotReadyError } from "./jetstream-api.ts";

/** Channels in one question: with names at their longest it still fits what any NATS takes. */
const SUBJECTS_AT_ONCE = 64;
// A copy may be behind its leader for some milliseconds.
const LAG_TRIES = 5;
const LAG_PAUSE_MS = 30;

/**
 * The newest positions of channels of one stream. The leader, proven to be the leader still, tells how far the stream goes; a
 * copy that knows as much tells the newest publication of each channel. Costs one question for the stream and one for each
 * 64 channels, or more where those publications are large. Rejects with {@link StreamNotReadyError}, as when it can't be proven who the
 * leader is.
 */
export async function readHeads(
  stream: HistoryStream,
  subjects: readonly string[],
  inbox: HistoryBatchInbox,
): Promise<readonly Position[]> {
  const emptyAtMs = Date.now();
  const { last_seq: end } = await stream.provenState(inbox.link);
  const chunks: Promise<readonly Position[]>[] = [];
  for (let from = 0; from < subjects.length; from += SUBJECTS_AT_ONCE) {
    chunks.push(readChunk(stream, subjects.slice(from, from + SUBJECTS_AT_ONCE), { inbox, end, emptyAtMs }));
  }
  return (await Promise.all(chunks)).flat();
}

interface Reading {
  readonly inbox: HistoryBatchInbox;
  /** What the copy must know at least. */
  readonly end: number;
  readonly emptyAtMs: number;
}

/** Epochs never come back: the same one before and after is that of all answers between. */
async function readChunk(
  stream: HistoryStream,
  subjects: readonly string[],
  { inbox, end, emptyAtMs }: Reading,
): Promise<readonly Position[]> {
  const { epoch } = stream;
  const offsets = new Map<string, number>();
  for (;;) {
    const missing = subjects.filter((subject) => !offsets.has(subject));
    const { messages, upTo, isCut } = await readLast(stream, missing, { inbox, end });
    for (const [subject, { offset }] of messages) offsets.set(subject, offset);
    if (isCut) continue;
    const marker = messages.get(stream.marker.subject);
    if (marker === undefined || stream.marker.take(marker.envelope, marker.offset).epoch !== epoch) {
      throw new StreamNotReadyError("the stream has a new epoch");
    }
    return subjects.map((subject) => {
      const offset = offsets.get(subject);
      return offset === undefined ? { epoch, offset: upTo, emptyAtMs } : { epoch, offset };
    });
  }
}

/** Asks again while the copy that answers has not heard of `end`, which the leader has. */
async function readLast(
  stream: HistoryStream,
  subjects: readonly string[],
  { inbox, end }: Pick<Reading, "inbox" | "end">,
): Promise<LastMessages> {
  for (let attempt = 0; attempt < LAG_TRIES; attempt++) {
    if (attempt > 0) await pause(LAG_PAUSE_MS);
    const last = await inbox.readLast(stream.name, [...subjects, stream.marker.subject]);
    if (last.upTo >= end) return last;
  }
  throw new StreamNotReadyError("the copies of the stream are behind their leader");
}
