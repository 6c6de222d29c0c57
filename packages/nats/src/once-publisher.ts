import {
  type BusPublishResult,
  BusUnavailableError,
  type ChannelAddress,
  IdempotencyUnavailableError,
} from "@carillon/core";
import type { KeptStream } from "./kept-stream.ts";
import type { Link } from "./link.ts";
import { messageIdOf, StreamPublisher } from "./stream-publisher.ts";
import type { SubjectSpace } from "./subject.ts";
import type { TraceFields } from "./trace-headers.ts";

/** What an OncePublisher stands on. */
export interface OncePublisherOptions {
  readonly space: SubjectSpace;
  readonly stream: KeptStream;
  /** How long one publish is tried, in ms. */
  readonly deadlineMs: number;
  /** The connection to use now; null while there is none. */
  readonly link: () => Link | null;
}

/** One publish with a key. `envelope` must stay as it is. */
export interface OncePublish {
  readonly address: ChannelAddress;
  readonly envelope: Uint8Array;
  readonly key: string;
  /** Stored and passed on with it. */
  readonly headers?: TraceFields | undefined;
}

/**
 * Publishes with idempotency keys; tries again with the same id until the deadline.
 *
 * Delivery is at most once, as on the bus in general: what a stream's leader has stored when it dies, and not yet passed on,
 * counts as published and may not be delivered. What it had passed on already may come again: see PassedOn.
 */
export class OncePublisher {
  readonly #options: OncePublisherOptions;
  readonly #publisher: StreamPublisher;

  constructor(options: OncePublisherOptions) {
    this.#options = options;
    this.#publisher = new StreamPublisher({
      link: options.link,
      outlivesOutage: false,
      disconnected: () => new BusUnavailableError("NATS is not connected"),
      unavailable: (message) => new IdempotencyUnavailableError(message),
    });
  }

  /** What remembers the keys. */
  get stream(): KeptStream {
    return this.#options.stream;
  }

  /**
   * Resolves when the stream has it. After a retry `isDuplicate` may be about the first try of the same call. Rejects with
   * BusUnavailableError when the connection is gone, and with IdempotencyUnavailableError when JetStream doesn't answer in
   * time or refuses.
   */
  async publish({ address, envelope, key, headers }: OncePublish): Promise<BusPublishResult> {
    const { space, stream, deadlineMs } = this.#options;
    const { isDuplicate } = await this.#publisher.publish({
      stream,
      subject: space.of("once", address.appId, address.channel),
      data: envelope,
      messageId: messageIdOf(address, key),
      headers,
      endMs: performance.now() + deadlineMs,
    });
    return { isDuplicate };
  }

  /** The connection broke: answers on it are lost. */
  abandon(): void {
    this.#publisher.abandon();
  }

  /** Lets go of the subscription for answers. */
  close(): void {
    this.#publisher.close();
  }
}
