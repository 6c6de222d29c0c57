import type { Msg, NatsError, Subscription } from "nats";
import { type Deferred, defer } from "./deadline.ts";
import { NANOSECONDS_PER_MS } from "./jetstream-api.ts";
import type { Link } from "./link.ts";

/** What became of a pull. */
export type PullAnswer =
  | { readonly kind: "message"; readonly message: PulledMessage }
  /** Nothing came in time, or the pull was given up. */
  | { readonly kind: "nothing" }
  /** Nobody answers, or not as expected: the consumer is to be looked at again. */
  | { readonly kind: "trouble"; readonly reason: string };

/** A message that a consumer has handed out. */
export interface PulledMessage {
  /** Where to say what became of it. */
  readonly ackSubject: string;
  readonly sequence: number;
  /** How often it has been handed out, this time included. */
  readonly deliveries: number;
  readonly data: Uint8Array;
}

/** The server ends a pull in time; where its answer is lost, this much later counts as trouble. */
const GRACE_MS = 2000;

const encoder = new TextEncoder();
const NAK = encoder.encode("-NAK");

/** The consumer to pull from. */
export interface PullSource {
  readonly stream: string;
  readonly consumer: string;
}

/**
 * Pulls single messages from one consumer. A message arrives under its own subject, which doesn't say for which pull it came;
 * so each consumer has an inbox of its own, and whoever waits there gets it.
 */
export class PullInbox {
  readonly link: Link;
  readonly #source: PullSource;
  readonly #prefix: string;
  readonly #subscription: Subscription | null;
  #waiting: { readonly token: string; readonly answer: Deferred<PullAnswer> } | null = null;
  #count = 0;

  constructor(link: Link, source: PullSource) {
    this.link = link;
    this.#prefix = `${link.createInbox()}.`;
    this.#source = source;
    this.#subscription = link.subscribe(`${this.#prefix}*`, this.#onMessage);
  }

  /** Asks for the next message, for at most `waitMs`. Not to be asked again before it has answered. Never rejects. */
  async pull(waitMs: number): Promise<PullAnswer> {
    const token = (this.#count++).toString(36);
    const answer = defer<PullAnswer>();
    this.#waiting = { token, answer };
    const late = setTimeout(() => answer.resolve({ kind: "trouble", reason: "no answer came" }), waitMs + GRACE_MS);
    const request = { batch: 1, expires: Math.round(waitMs) * NANOSECONDS_PER_MS };
    const { stream, consumer } = this.#source;
    this.link.send(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, encoder.encode(JSON.stringify(request)), {
      reply: this.#prefix + token,
    });
    try {
      return await answer.promise;
    } finally {
      clearTimeout(late);
      this.#waiting = null;
    }
  }

  /** The connection broke: answers on it are lost. */
  abandon(): void {
    this.#waiting?.answer.resolve({ kind: "trouble", reason: "the connection to NATS broke" });
  }

  /** Ends the wait as nothing, and gives the subscription back: without it the server hands out nothing more for it. */
  close(): void {
    this.#waiting?.answer.resolve({ kind: "nothing" });
    this.#subscription?.unsubscribe();
  }

  readonly #onMessage = (error: NatsError | null, msg: Msg): void => {
    if (error !== null) {
      // Without the permission to hear answers none can be waited for; the refusal itself is logged by the link's owner.
      this.abandon();
      return;
    }
    const waiting = this.#waiting;
    const message = readPulled(msg);
    if (message !== null) {
      // For an earlier pull, and nobody waits any more.
      if (waiting === null) this.link.send(message.ackSubject, NAK, {});
      else waiting.answer.resolve({ kind: "message", message });
      return;
    }
    if (waiting === null || msg.subject !== this.#prefix + waiting.token) return;
    const code = msg.headers?.code ?? 0;
    // 404, 408: nothing there, time over.
    if (code === 404 || code === 408) waiting.answer.resolve({ kind: "nothing" });
    else waiting.answer.resolve({ kind: "trouble", reason: `the consumer answered ${code}` });
  };
}

/**
 * What the ack subject tells: `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.…`, or with a domain and an account's hash
 * behind `$JS.ACK` and one more token at the end. Null for what is no message of a consumer.
 */
function readPulled({ reply, data }: Msg): PulledMessage | null {
  if (reply === undefined || !reply.startsWith("$JS.ACK.")) return null;
  const tokens = reply.split(".");
  const at = tokens.length >= 11 ? 6 : 4;
  const [deliveries, sequence] = [Number(tokens[at]), Number(tokens[at + 1])];
  if (!Number.isSafeInteger(deliveries) || !Number.isSafeInteger(sequence)) return null;
  // Not `slice`: a Buffer's doesn't copy, and the client reads the next bytes into what it handed out.
  return { ackSubject: reply, sequence, deliveries, data: new Uint8Array(data) };
}
