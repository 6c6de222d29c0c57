import type { Msg, MsgHdrs, NatsError, Subscription } from "nats";
import { type Deferred, defer, withDeadline } from "./deadline.ts";
import { StreamNotReadyError } from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import { headerTextOf, valueIn } from "./raw-headers.ts";
import { Turnstile } from "./turnstile.ts";

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

/** The newest messages of some subjects, as a copy of the stream told them. */
export interface LastMessages {
  readonly messages: ReadonlyMap<string, Pick<BatchMessage, "offset" | "envelope">>;
  /** The newest sequence that the copy knew of, of any subject. */
  readonly upTo: number;
  /** True: there may be messages of the other subjects, which had no room in the answer. */
  readonly isCut: boolean;
}

/** How an answer is put together. */
interface Collecting {
  /** `headers`: as {@link headerTextOf} gives them. */
  take(headers: string, offset: number, data: Uint8Array): void;
  finish(headers: MsgHdrs | undefined): void;
  fail(error: Error): void;
}

const TIMEOUT_MS = 2_000;
/**
 * Most bytes in one answer, unless its first message is larger; the copy ends it early then, and the reader goes on from there. Answers come over
 * the connection that live events come over, and nats-server cuts one for which more than `max_pending` waits, 64 MiB by default.
 */
const MAX_BYTES = 256 * 1024;
/**
 * Most answers that may be on their way: 8 MiB, or 40 where each ends with a message of 1 MiB, the most that nats-server takes by default. A
 * connection that carries 4 MiB a second then brings each in time.
 */
const MAX_ANSWERS = 32;
const MAX_WAITING = 10_000;

const encoder = new TextEncoder();

/**
 * Reads batches of messages from streams (Direct Get) over one subscription for all answers. No consumer is made on the
 * server. Any copy of a stream answers, so what was just stored may be missing.
 */
export class HistoryBatchInbox {
  readonly link: Link;
  readonly #prefix: string;
  readonly #subscription: Subscription | null;
  readonly #collecting = new Map<string, Collecting>();
  readonly #answers = new Turnstile({ atOnce: MAX_ANSWERS, waiting: MAX_WAITING });
  #count = 0;

  constructor(link: Link) {
    this.link = link;
    this.#prefix = `${link.createInbox()}.`;
    this.#subscription = link.subscribe(`${this.#prefix}*`, this.#onMessage);
  }

  /** Resolves with the messages in the order of their offsets. Rejects with {@link StreamNotReadyError}. */
  async read({ stream, subject, from, count }: BatchQuery): Promise<readonly BatchMessage[]> {
    const request = { seq: from, next_by_subj: subject, batch: count, max_bytes: MAX_BYTES };
    const messages: BatchMessage[] = [];
    return await this.#ask<readonly BatchMessage[]>({ stream, request }, (answer) => ({
      take: (headers, offset, data) => {
        const timeMs = Date.parse(valueIn(headers, "Nats-Time-Stamp"));
        const pending = Number(valueIn(headers, "Nats-Num-Pending"));
        // Not `slice`: a Buffer's doesn't copy, and the client reads the next bytes into what it handed out.
        messages.push({ offset, timeMs, pending, envelope: new Uint8Array(data) });
      },
      finish: () => answer.resolve(messages),
      fail: answer.reject,
    }));
  }

  /**
   * Resolves with the newest message of each subject that has any, in the order of their offsets, as far as one answer goes; at least one
   * subject must have any, or it can't be told how much the copy knew. Rejects with {@link StreamNotReadyError}.
   */
  async readLast(stream: string, subjects: readonly string[]): Promise<LastMessages> {
    const messages = new Map<string, Pick<BatchMessage, "offset" | "envelope">>();
    const request = { multi_last: subjects, max_bytes: MAX_BYTES };
    let bytes = 0;
    return await this.#ask<LastMessages>({ stream, request }, (answer) => ({
      take: (headers, offset, data) => {
        messages.set(valueIn(headers, "Nats-Subject"), { offset, envelope: new Uint8Array(data) });
        bytes += headers.length + data.length;
      },
      finish: (headers) => {
        const upTo = Number(headers?.get("Nats-UpTo-Sequence") ?? 0);
        // The copy counts fewer bytes, not all of the headers. What it says is pending was off by one until nats-server 2.12.
        answer.resolve({ messages, upTo, isCut: bytes >= MAX_BYTES });
      },
      fail: answer.reject,
    }));
  }

  async #ask<Answer>(
    { stream, request }: { readonly stream: string; readonly request: object },
    collectFor: (answer: Deferred<Answer>) => Collecting,
  ): Promise<Answer> {
    await this.#answers.enter(() => new StreamNotReadyError("too many reads of streams wait for their turn"));
    const token = (this.#count++).toString(36);
    const answer = defer<Answer>();
    const late = () => new StreamNotReadyError("no copy of the stream answered in time");
    const forget = () => {
      this.#collecting.delete(token);
      this.#answers.leave();
    };
    this.#collecting.set(token, collectFor(answer));
    const timely = withDeadline(answer.promise, TIMEOUT_MS, late);
    // One that is late because much waits before it comes all the same, and others asked for in its place would come on top. What NATS answers
    // now comes behind it; where that comes first, whoever was to answer is away.
    timely.then(forget, () => Promise.race([answer.promise, this.link.outbox.confirm()]).then(forget, forget));
    this.link.send(`$JS.API.DIRECT.GET.${stream}`, encoder.encode(JSON.stringify(request)), {
      reply: this.#prefix + token,
    });
    return await timely;
  }

  /** The connection broke: answers on it are lost. */
  abandon(): void {
    for (const each of this.#collecting.values()) each.fail(new StreamNotReadyError("the connection to NATS broke"));
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
    const text = headerTextOf(msg);
    const sequence = text === null ? "" : valueIn(text, "Nats-Sequence");
    if (text !== null && sequence !== "") {
      collecting.take(text, Number(sequence), msg.data);
      return;
    }
    const code = msg.headers?.code ?? 0;
    // 204: that was all. 404: there is nothing.
    if (code === 204 || code === 404) collecting.finish(msg.headers);
    else collecting.fail(new StreamNotReadyError(reasonOf(code)));
  };
}

function reasonOf(code: number): string {
  return code === 503 ? "no copy of the stream answers" : `a copy of the stream answered ${code}`;
}
