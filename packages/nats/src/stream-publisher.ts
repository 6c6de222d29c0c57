import { createHash } from "node:crypto";
import type { ChannelAddress } from "@carillon/core";
import { AckInbox, type StreamAck } from "./ack-inbox.ts";
import { pause } from "./deadline.ts";
import { DUPLICATE_ON_ITS_WAY, STORE_FAILED, StreamNotReadyError } from "./jetstream-api.ts";
import type { Link } from "./link.ts";

/** A stream that is made, and looked after, by whoever needs it. */
export interface EnsuredStream {
  /** Resolves when it is there; rejects with {@link StreamNotReadyError} when another try may help. */
  ensure(link: Link): Promise<unknown>;
  /** It did not answer: look again next time. */
  forget(): void;
}

/** What a StreamPublisher stands on. */
export interface StreamPublisherOptions {
  /** The connection to use now; null while there is none. */
  readonly link: () => Link | null;
  /**
   * True: a publish that was begun goes on when the connection comes back within its time. A publish is never begun without a
   * connection.
   */
  readonly outlivesOutage: boolean;
  /** Makes the error for a missing connection. */
  readonly disconnected: () => Error;
  /** Makes the error for a stream that did not take the publish. */
  readonly unavailable: (message: string) => Error;
  /** Makes the error for a stream that has no room; absent: another try may find some. */
  readonly full?: () => Error;
}

/** One publish. `data` must stay as it is. */
export interface OncePublication {
  readonly stream: EnsuredStream;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly messageId: string;
  /** Further headers: for JetStream, or to be stored and passed on. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Until when it is tried, on the scale of `performance.now()`. */
  readonly endMs: number;
}

/** What a stream has kept. */
export type StoredAck = Extract<StreamAck, { kind: "stored" }>;

const ATTEMPT_TIMEOUT_MS = 2_000;
const RETRY_MS = 250;

/**
 * Publishes to streams, each message once. Tries again with the same id until the deadline: after the loss of a stream's
 * leader nothing is acknowledged for about eight seconds (measured), and an answer that got lost must not become a second
 * message.
 */
export class StreamPublisher {
  readonly #options: StreamPublisherOptions;
  #inbox: AckInbox | null = null;
  #isClosed = false;

  constructor(options: StreamPublisherOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the stream has it. After a retry `isDuplicate` may be about the first try of the same call. Rejects with the
   * owner's errors, and with what `ensure` of the stream rejects with for good.
   */
  async publish(publication: OncePublication): Promise<StoredAck> {
    const { endMs } = publication;
    const startMs = performance.now();
    let reason = "";
    do {
      if (reason !== "") await pause(RETRY_MS * (0.75 + Math.random() / 2));
      const link = this.#isClosed ? null : this.#options.link();
      if (link === null) {
        if (reason === "" || this.#isClosed || !this.#options.outlivesOutage) throw this.#options.disconnected();
        reason = "the connection to NATS broke";
        continue;
      }
      const outcome = await this.#try(link, publication);
      if (typeof outcome !== "string") return outcome;
      reason = outcome;
    } while (performance.now() < endMs);
    const triedMs = Math.round(performance.now() - startMs);
    throw this.#options.unavailable(`JetStream did not take the publish within ${triedMs} ms: ${reason}`);
  }

  /** The inbox for answers on a connection. */
  inboxOn(link: Link): AckInbox {
    if (this.#inbox?.link !== link) {
      this.#inbox?.close();
      this.#inbox = new AckInbox(link);
    }
    return this.#inbox;
  }

  /** The connection broke: answers on it are lost. */
  abandon(): void {
    this.#inbox?.abandon();
  }

  /** Lets go of the subscription for answers; no publish begins any more. */
  close(): void {
    this.#isClosed = true;
    this.#inbox?.close();
    this.#inbox = null;
  }

  /** The reason when another try is right. */
  async #try(
    link: Link,
    { stream, subject, data, messageId, headers: more, endMs }: OncePublication,
  ): Promise<StoredAck | string> {
    try {
      await stream.ensure(link);
    } catch (error) {
      if (error instanceof StreamNotReadyError) return error.message;
      throw error;
    }
    const timeoutMs = Math.min(ATTEMPT_TIMEOUT_MS, endMs - performance.now());
    const headers = { "Nats-Msg-Id": messageId, ...more };
    const ack = await this.inboxOn(link).publish({ subject, data, headers, timeoutMs });
    switch (ack.kind) {
      case "stored":
        return ack;
      case "nobody":
        stream.forget();
        return "no stream answers";
      case "unknown":
        return "no answer came";
      case "refused":
        if (ack.errorCode === STORE_FAILED && /maximum/.test(ack.description)) {
          if (this.#options.full !== undefined) throw this.#options.full();
        }
        if (ack.code >= 500 || ack.errorCode === DUPLICATE_ON_ITS_WAY) return ack.description;
        throw this.#options.unavailable(`JetStream refused the publish: ${ack.description}`);
      default:
        return ack satisfies never;
    }
  }
}

/** The id of a keyed publish: a hash, because NATS keeps the ids of the whole window in memory. JSON keeps the three parts apart. */
export function messageIdOf(address: ChannelAddress, key: string): string {
  return createHash("sha256")
    .update(JSON.stringify([address.appId, address.channel, key]))
    .digest("base64url");
}
