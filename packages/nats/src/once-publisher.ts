import { createHash } from "node:crypto";
import {
  type BusPublishResult,
  BusUnavailableError,
  type ChannelAddress,
  IdempotencyUnavailableError,
} from "@carillon/core";
import { AckInbox, type StreamAck } from "./ack-inbox.ts";
import { pause } from "./deadline.ts";
import type { Link } from "./link.ts";
import { type OnceStream, StreamNotReadyError } from "./once-stream.ts";
import type { SubjectSpace } from "./subject.ts";

/** What an OncePublisher stands on. */
export interface OncePublisherOptions {
  readonly space: SubjectSpace;
  readonly stream: OnceStream;
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
}

const ATTEMPT_TIMEOUT_MS = 2_000;
const RETRY_MS = 250;

/**
 * Publishes with idempotency keys. Tries again with the same id until the deadline: after the loss of the stream's leader
 * nothing is acknowledged for about eight seconds (measured), and an answer that got lost must not become a second delivery.
 *
 * Delivery is at most once, as on the bus in general: what a stream's leader has stored when it dies, and not yet passed on,
 * counts as published and is not delivered.
 */
export class OncePublisher {
  readonly #options: OncePublisherOptions;
  #inbox: AckInbox | null = null;

  constructor(options: OncePublisherOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the stream has it. After a retry `isDuplicate` may be about the first try of the same call. Rejects with
   * BusUnavailableError when the connection is gone, and with IdempotencyUnavailableError when JetStream doesn't answer in
   * time or refuses.
   */
  async publish({ address, envelope, key }: OncePublish): Promise<BusPublishResult> {
    const { space, deadlineMs } = this.#options;
    const subject = space.of("once", address.appId, address.channel);
    const messageId = messageIdOf(address, key);
    const endMs = performance.now() + deadlineMs;
    let reason = "";
    do {
      if (reason !== "") await pause(RETRY_MS * (0.75 + Math.random() / 2));
      const link = this.#options.link();
      if (link === null) throw new BusUnavailableError("NATS is not connected");
      try {
        await this.#options.stream.ensure(link);
        const timeoutMs = Math.min(ATTEMPT_TIMEOUT_MS, endMs - performance.now());
        const ack = await this.#inboxOn(link).publish({ subject, data: envelope, messageId, timeoutMs });
        if (ack.kind === "stored") return { isDuplicate: ack.isDuplicate };
        reason = this.#reasonToRetry(ack);
      } catch (error) {
        if (!(error instanceof StreamNotReadyError)) throw error;
        reason = error.message;
      }
    } while (performance.now() < endMs);
    throw new IdempotencyUnavailableError(`JetStream did not take the publish within ${deadlineMs} ms: ${reason}`);
  }

  /** The connection broke: answers on it are lost. */
  abandon(): void {
    this.#inbox?.abandon();
  }

  /** Lets go of the subscription for answers. */
  close(): void {
    this.#inbox?.close();
    this.#inbox = null;
  }

  #reasonToRetry(ack: Exclude<StreamAck, { kind: "stored" }>): string {
    switch (ack.kind) {
      case "nobody":
        this.#options.stream.forget();
        return "no stream answers";
      case "unknown":
        return "no answer came";
      case "refused":
        if (ack.code >= 500) return ack.description;
        throw new IdempotencyUnavailableError(`JetStream refused the publish: ${ack.description}`);
      default:
        return ack satisfies never;
    }
  }

  #inboxOn(link: Link): AckInbox {
    if (this.#inbox?.link !== link) {
      this.#inbox?.close();
      this.#inbox = new AckInbox(link);
    }
    return this.#inbox;
  }
}

/** A hash, because NATS keeps the ids of the whole window in memory. JSON keeps the three parts apart. */
function messageIdOf(address: ChannelAddress, key: string): string {
  return createHash("sha256")
    .update(JSON.stringify([address.appId, address.channel, key]))
    .digest("base64url");
}
