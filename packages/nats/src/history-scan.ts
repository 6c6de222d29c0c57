import type { Msg, NatsError } from "nats";
import { type Deferred, defer, pause, withDeadline } from "./deadline.ts";
import type { HistoryStream } from "./history-stream.ts";
import { historyApi } from "./history-stream.ts";
import { NANOSECONDS_PER_MS, StreamNotReadyError } from "./jetstream-api.ts";
import type { Link } from "./link.ts";

/** A publication as a scan sees it: everything but what it says. */
export interface ScannedMessage {
  readonly offset: number;
  /** When it was stored, in ms since 1970. */
  readonly timeMs: number;
  /** What it takes in the stream. */
  readonly bytes: number;
}

/** What to look through. */
export interface ScanQuery {
  readonly stream: HistoryStream;
  readonly link: Link;
  /** May have wildcards. */
  readonly subject: string;
  /** First sequence that counts, at least 1. */
  readonly from: number;
  readonly onMessage: (message: ScannedMessage) => void;
}

// A copy may be behind its leader for some milliseconds.
const LAG_TRIES = 10;
const LAG_PAUSE_MS = 30;
const BATCH = 5_000;
const BATCH_TIMEOUT_MS = 10_000;
// The server forgets the consumer by itself when this process dies in the middle.
const INACTIVE_MS = 60_000;
/** What JetStream's file store adds to a message (30 bytes) with the headers that appends have, and their lengths. */
const OVERHEAD_BYTES = 150;

const encoder = new TextEncoder();

/**
 * Goes through the messages of a stream without reading what they hold: the server sends headers and sizes alone. Resolves when
 * everything was seen that was there when it began; of what was dropped lately, some may be seen too. Rejects with
 * {@link StreamNotReadyError}.
 */
export async function scanHistory(query: ScanQuery): Promise<void> {
  const { stream, link, subject, onMessage } = query;
  let { from } = query;
  for (let attempt = 0; attempt < LAG_TRIES; attempt++) {
    if (attempt > 0) await pause(LAG_PAUSE_MS);
    // The copy that sends may be behind the leader, which has the last word.
    const head = await stream.ask(link, { last_by_subj: subject });
    if (head === null || head.seq < from) return;
    await scanOnce({
      ...query,
      from,
      onMessage: (message) => {
        from = message.offset + 1;
        onMessage(message);
      },
    });
    if (from > head.seq) return;
  }
  throw new StreamNotReadyError("the copies of the stream are behind their leader");
}

async function scanOnce({ stream, link, subject, from, onMessage }: ScanQuery): Promise<void> {
  const config = {
    ack_policy: "none",
    deliver_policy: "by_start_sequence",
    opt_start_seq: from,
    filter_subject: subject,
    headers_only: true,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: INACTIVE_MS * NANOSECONDS_PER_MS,
  };
  const body = { stream_name: stream.name, config };
  const {
    name,
    num_pending: count = 0,
    ...answer
  } = await historyApi.ask(link, `CONSUMER.CREATE.${stream.name}`, body);
  if (name === undefined) throw historyApi.refusalOf(answer);
  const consumer = `${stream.name}.${name}`;
  try {
    if (count > 0) await pull({ link, consumer, count, onMessage });
  } finally {
    await historyApi.ask(link, `CONSUMER.DELETE.${consumer}`, {}).catch(() => {
      // It goes by itself after a minute.
    });
  }
}

interface Pull extends Pick<ScanQuery, "link" | "onMessage"> {
  /** `STREAM.NAME`. */
  readonly consumer: string;
  readonly count: number;
}

/** Fetches `count` messages, some thousand at a time, so that the connection is never flooded. */
async function pull({ link, consumer, count, onMessage }: Pull): Promise<void> {
  const inbox = link.createInbox();
  let seen = 0;
  let batch: { readonly end: number; readonly done: Deferred<boolean> } = { end: 0, done: defer() };
  const receive = (error: NatsError | null, msg: Msg): void => {
    const message = error === null ? readScanned(msg) : null;
    // A status: nothing more is there, as when limits drop what was still to come.
    if (message === null) {
      batch.done.resolve(false);
      return;
    }
    onMessage(message);
    seen++;
    if (seen >= batch.end) batch.done.resolve(true);
  };
  const subscription = link.subscribe(inbox, receive);
  try {
    while (seen < count) {
      const size = Math.min(BATCH, count - seen);
      batch = { end: seen + size, done: defer() };
      const request = encoder.encode(JSON.stringify({ batch: size, no_wait: true }));
      link.send(`$JS.API.CONSUMER.MSG.NEXT.${consumer}`, request, { reply: inbox });
      const late = () => new StreamNotReadyError("a scan of the stream was not answered in time");
      if (!(await withDeadline(batch.done.promise, BATCH_TIMEOUT_MS, late))) return;
    }
  } finally {
    subscription?.unsubscribe();
  }
}

/** Null for what is no message of the stream. */
function readScanned({ headers, reply = "", subject }: Msg): ScannedMessage | null {
  const size = headers?.get("Nats-Msg-Size") ?? "";
  if (size === "") return null;
  // $JS.ACK.[DOMAIN.ACCOUNT.]STREAM.CONSUMER.DELIVERED.OFFSET.NUMBER.NANOSECONDS.PENDING[.RANDOM]
  const tokens = reply.split(".");
  const at = tokens.length === 9 ? 5 : 7;
  const offset = Number(tokens[at]);
  const timeMs = Number(tokens[at + 2]) / NANOSECONDS_PER_MS;
  return { offset, timeMs, bytes: Number(size) + subject.length + OVERHEAD_BYTES };
}
