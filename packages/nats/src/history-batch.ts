import { createInbox, type Msg, type NatsError, type Subscription } from "nats";
import { type Deferred, defer, withDeadline } from "./deadline.ts";
import { StreamNotReadyError } from "./jetstream-api.ts";
import type { Link } from "./link.ts";

/** A publication as a copy of the stream told it. */
export interface BatchMessage {
  readonly offset: number;
  /** When it was stored, in ms since 1970. */
  readonly timeMs: number;
  /** How many of the channel stood behind it when the copy began to answer. */
  readonly pending: number;
  readonly envelope: Uint8Array;
}

/** Which messages of a subject to read. */
export interface BatchQuery {
  readonly stream: string;
  readonly subject: string;
  /** First sequence that counts, at least 1. */
  readonly from: number;
  /** Most messages in the answer. */
  readonly count: number;
}

interface Collecting {
  readonly answer: Deferred<readonly BatchMessage[]>;
  readonly messages: BatchMessage[];
}

const TIMEOUT_MS = 2_000;
// Of one answer; the copy ends it early then, and the reader goes on from there.
const MAX_BYTES = 8 * 1024 * 1024;

const encoder = new TextEncoder();

/**
 * Reads batches of messages from streams (Direct Get) over one subscription for all answers. No consumer is made on the
 * server. Any copy of a stream answers, so what was just stored may be missing.
 */
export class HistoryBatchInbox {
  readonly link: Link;
  readonly #prefix = `${createInbox()}.`;
  readonly #subscription: Subscription | null;
  readonly #collecting = new Map<string, Collecting>();
  #count = 0;

  constructor(link: Link) {
    this.link = link;
    this.#subscription = link.subscribe(`${this.#prefix}*`, this.#onMessage);
  }

  /** Resolves with the messages in the order of their offsets. Rejects with {@link StreamNotReadyError}. */
  async read({ stream, subject, from, count }: BatchQuery): Promise<readonly BatchMessage[]> {
    const token = (this.#count++).toString(36);
    const request = { seq: from, next_by_subj: subject, batch: count, max_bytes: MAX_BYTES };
    const answer = defer<readonly BatchMessage[]>();
    this.#collecting.set(token, { answer, messages: [] });
    try {
      this.link.send(`$JS.API.DIRECT.GET.${stream}`, encoder.encode(JSON.stringify(request)), {
        reply: this.#prefix + token,
      });
      const late = () => new StreamNotReadyError("no copy of the stream answered in time");
      return await withDeadline(answer.promise, TIMEOUT_MS, late);
    } finally {
      this.#collecting.delete(token);
    }
  }

  /** The connection broke: answers on it are lost. */
  abandon(): void {
    for (const { answer } of this.#collecting.values()) {
      answer.reject(new StreamNotReadyError("the connection to NATS broke"));
    }
  }

  /** Abandons, and gives the subscription back. */
  close(): void {
    this.abandon();
    this.#subscription?.unsubscribe();
  }

  readonly #onMessage = (error: NatsError | null, msg: Msg): void => {
    if (error !== null) {
      this.abandon();
      return;
    }
    const collecting = this.#collecting.get(msg.subject.slice(this.#prefix.length));
    if (collecting === undefined) return;
    const { headers } = msg;
    const sequence = headers?.get("Nats-Sequence") ?? "";
    if (headers !== undefined && sequence !== "") {
      collecting.messages.push({
        offset: Number(sequence),
        timeMs: Date.parse(headers.get("Nats-Time-Stamp")),
        pending: Number(headers.get("Nats-Num-Pending")),
        // Not `slice`: a Buffer's doesn't copy, and the client reads the next bytes into what it handed out.
        envelope: new Uint8Array(msg.data),
      });
      return;
    }
    const code = headers?.code ?? 0;
    // 204: that was all. 404: there is nothing.
    if (code === 204 || code === 404) collecting.answer.resolve(collecting.messages);
    else collecting.answer.reject(new StreamNotReadyError(reasonOf(code)));
  };
}

function reasonOf(code: number): string {
  return code === 503 ? "no copy of the stream answers" : `a copy of the stream answered ${code}`;
}
