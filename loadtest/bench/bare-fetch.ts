import type { Consumer, NatsConnection } from "nats";
import { DeliverPolicy } from "nats";
import type { DirectGet } from "./bare-direct-get.ts";
import { placeOf } from "./history-place.ts";

const TIMEOUT_MS = 5_000;

/**
 * What the client library offers to whoever wants the messages of a subject from a sequence on: a consumer that begins there, and
 * one fetch. The stream's leader makes the consumer and sends the messages, so they are all that there are.
 */
export class BareFetch {
  readonly #connection: NatsConnection;
  readonly #consumers: Consumer[] = [];

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  /** Resolves with the messages. Rejects when they don't come. */
  async fetch({ channel, from, count }: DirectGet): Promise<readonly Uint8Array[]> {
    const { subject, stream } = placeOf(channel);
    const consumer = await this.#connection.jetstream().consumers.get(stream, {
      filterSubjects: [subject],
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
    });
    this.#consumers.push(consumer);
    const found: Uint8Array[] = [];
    for await (const message of await consumer.fetch({ max_messages: count, expires: TIMEOUT_MS })) {
      found.push(message.data);
      if (found.length === count) return found;
    }
    throw new Error(`a fetch of ${count} messages came to ${found.length}`);
  }

  /** Deletes the consumers that were made, so that the server doesn't get slower. */
  async forget(): Promise<void> {
    await Promise.all(this.#consumers.splice(0).map((consumer) => consumer.delete()));
  }
}
