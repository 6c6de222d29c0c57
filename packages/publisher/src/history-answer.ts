import { formatPosition, type HistoryPage, type StoredPublication } from "@carillon/core";
import { decodeEnvelope } from "@carillon/protocol";
import type { HttpAnswer } from "@carillon/service";

/** What an answer is made from. */
export interface HistoryAnswerOptions {
  readonly channel: string;
  readonly page: HistoryPage;
  /** True when the caller asked for what came after a position: the answer then says whether nothing is missing. */
  readonly hasSince: boolean;
}

/** Beyond this many bytes the rest of a page is left for the next call. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const HEADERS = Object.freeze({ "content-type": "application/json", "cache-control": "no-store" });
const COMMA = Buffer.from(",");
const END_OF_ITEM = Buffer.from("}");

/** Writes a page of history as JSON, each payload byte for byte as it was published. */
export function answerHistory({ channel, page, hasSince }: HistoryAnswerOptions): HttpAnswer {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let isCutShort = false;
  for (const publication of page.publications) {
    const item = encodeItem(publication, page.head.epoch);
    // Something foreign in the stream: it is nobody's event.
    if (item === null) continue;
    if (bytes > 0 && bytes + item.length > MAX_ANSWER_BYTES) {
      isCutShort = true;
      break;
    }
    if (bytes > 0) chunks.push(COMMA);
    chunks.push(item);
    bytes += item.length;
  }
  const head = `{"channel":${JSON.stringify(channel)},"publications":[`;
  const rest = JSON.stringify({
    position: formatPosition(page.head),
    hasMore: page.hasMore || isCutShort,
    ...(hasSince ? { recovered: page.isReachable } : {}),
  });
  const body = Buffer.concat([Buffer.from(head), ...chunks, Buffer.from(`],${rest.slice(1)}`)]);
  return { status: 200, headers: HEADERS, body };
}

/** One publication as JSON; null when its envelope can't be read. */
function encodeItem({ offset, envelope }: StoredPublication, epoch: string): Buffer | null {
  const decoded = decodeEnvelope(envelope);
  if (decoded === null) return null;
  const { id, timeMs, event, payload } = decoded;
  const members = JSON.stringify({ id, event, time: timeMs, position: formatPosition({ epoch, offset }) });
  return Buffer.concat([Buffer.from(`${members.slice(0, -1)},"payload":`), payload, END_OF_ITEM]);
}
