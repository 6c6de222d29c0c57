import type { Msg, NatsConnection } from "nats";
import { createInbox } from "nats";
import { placeOf } from "./history-place.ts";

const TIMEOUT_MS = 5_000;

/** Which messages to get. */
export interface DirectGet {
  readonly channel: string;
  /** First sequence that counts: the one behind the position. */
  readonly from: number;
  readonly count: number;
}

/**
 * The floor of a recovery: one batched Direct Get for exactly the messages that were missed, out of the stream in which
 * Carillon keeps them. Any copy answers, and nothing shows that none is missing.
 */
export class BareDirectGet {
  readonly #connection: NatsConnection;
  readonly #prefix = `${createInbox()}.`;
  readonly #waiting = new Map<string, (code: number) => void>();
  readonly #found = new Map<string, Uint8Array[]>();
  #count = 0;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    connection.subscribe(`${this.#prefix}*`, { callback: (_, msg) => this.#take(msg) });
  }

  /**
   * The least that shows, besides, that none is missing: the stream's leader tells where the channel ends, and afterwards its
   * epoch and what it has first behind the position. Rejects when it doesn't show that.
   */
  async getProven(request: DirectGet): Promise<readonly Uint8Array[]> {
    const { subject, stream, marker } = placeOf(request.channel);
    const ask = async (question: object): Promise<number> => {
      const answer = await this.#connection.request(`$JS.API.STREAM.MSG.GET.${stream}`, JSON.stringify(question));
      return answer.json<{ message?: { seq?: number } }>().message?.seq ?? 0;
    };
    const [end, found] = await Promise.all([ask({ last_by_subj: subject }), this.get(request)]);
    const position = request.from - 1;
    const [epoch, first] = await Promise.all([
      ask({ last_by_subj: marker }),
      ask({ seq: position, next_by_subj: subject }),
    ]);
    if (epoch === 0 || first !== position || end < position) throw new Error("a bare read could not be proven");
    return found;
  }

  /** Resolves with the messages. Rejects when they don't come. */
  async get({ channel, from, count }: DirectGet): Promise<readonly Uint8Array[]> {
    const token = String(this.#count++);
    const { subject, stream } = placeOf(channel);
    const found: Uint8Array[] = [];
    this.#found.set(token, found);
    const code = await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no copy of the stream answered")), TIMEOUT_MS);
      this.#waiting.set(token, (end) => {
        clearTimeout(timer);
        resolve(end);
      });
      const request = JSON.stringify({ seq: from, next_by_subj: subject, batch: count });
      this.#connection.publish(`$JS.API.DIRECT.GET.${stream}`, request, { reply: this.#prefix + token });
    });
    this.#waiting.delete(token);
    this.#found.delete(token);
    if (code !== 204 || found.length !== count)
      throw new Error(`a Direct Get of ${count} messages came to ${found.length}, code ${code}`);
    return found;
  }

  #take(msg: Msg): void {
    const token = msg.subject.slice(this.#prefix.length);
    if (msg.data.length > 0) this.#found.get(token)?.push(new Uint8Array(msg.data));
    else this.#waiting.get(token)?.(msg.headers?.code ?? 0);
  }
}
