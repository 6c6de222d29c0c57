import type { ClusterLink } from "@carillon/core";
import type { MovableLink } from "./movable-link.ts";
import type { SubjectSpace } from "./subject.ts";

/** What a NatsClusterLink stands on. */
export interface NatsClusterLinkOptions {
  readonly space: SubjectSpace;
  readonly link: MovableLink;
  /** Resolves when all subscriptions of this moment stand. Rejects with BusUnavailableError. */
  readonly whenStanding: () => Promise<void>;
}

/** Largest message, header included: what every nats-server takes by default. A larger one is not worth its latency. */
const MAX_BYTES = 1_048_576;

// u8 length of the sender's id, its id, f64 number of the message.
const NUMBER_BYTES = 8;
const MAX_ID_BYTES = 32;
const HEADER_BYTES = 1 + MAX_ID_BYTES + NUMBER_BYTES;

/** Senders whose last number is remembered; ids are drawn anew at each start, so the list would grow for ever. */
const MAX_SENDERS = 10_000;

/**
 * The {@link ClusterLink} on core NATS. Each message carries its sender and a number that rises: while the node moves to another
 * server both connections bring it, and the second one must not be heard.
 */
export class NatsClusterLink implements ClusterLink {
  readonly #options: NatsClusterLinkOptions;
  readonly #lastNumbers = new Map<string, number>();
  #nodeId = "";
  #lastNumber = 0;
  #stop: readonly (() => void)[] = [];

  constructor(options: NatsClusterLinkOptions) {
    this.#options = options;
  }

  get maxMessageBytes(): number {
    return Math.min(this.#options.link.link.maxPayloadBytes, MAX_BYTES) - HEADER_BYTES;
  }

  async open(nodeId: string, receive: (message: Uint8Array) => void): Promise<void> {
    const { space, link, whenStanding } = this.#options;
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(nodeId)) throw new TypeError("a node id has 1 to 32 of A-Z a-z 0-9 _ -");
    this.#nodeId = nodeId;
    this.#stop = [
      link.listen(space.ofCluster(null), (data) => this.#take(data, receive, false)),
      link.listen(space.ofCluster(nodeId), (data) => this.#take(data, receive, true)),
    ];
    try {
      await whenStanding();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  broadcast(message: Uint8Array): void {
    this.#write(this.#options.space.ofCluster(null), message);
  }

  send(nodeId: string, message: Uint8Array): void {
    this.#write(this.#options.space.ofCluster(nodeId), message);
  }

  close(): void {
    for (const stop of this.#stop) stop();
    this.#stop = [];
  }

  #write(subject: string, message: Uint8Array): void {
    const { link } = this.#options;
    if (this.#stop.length === 0 || !link.isUp) return;
    this.#lastNumber++;
    const id = Buffer.from(this.#nodeId);
    const bytes = Buffer.allocUnsafe(1 + id.length + NUMBER_BYTES + message.length);
    bytes[0] = id.length;
    bytes.set(id, 1);
    bytes.writeDoubleBE(this.#lastNumber, 1 + id.length);
    bytes.set(message, 1 + id.length + NUMBER_BYTES);
    link.link.send(subject, bytes, {});
  }

  #take(data: Uint8Array, receive: (message: Uint8Array) => void, isFromSelfToo: boolean): void {
    const bodyAt = 1 + (data[0] ?? 0) + NUMBER_BYTES;
    if (data.length < bodyAt) return;
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const from = bytes.toString("latin1", 1, bodyAt - NUMBER_BYTES);
    if (from === this.#nodeId && !isFromSelfToo) return;
    const number = bytes.readDoubleBE(bodyAt - NUMBER_BYTES);
    if (!(number > (this.#lastNumbers.get(from) ?? 0))) return;
    this.#remember(from, number);
    receive(data.subarray(bodyAt));
  }

  /** Those heard least lately are forgotten first. */
  #remember(from: string, number: number): void {
    this.#lastNumbers.delete(from);
    this.#lastNumbers.set(from, number);
    if (this.#lastNumbers.size <= MAX_SENDERS) return;
    for (const oldest of this.#lastNumbers.keys()) {
      this.#lastNumbers.delete(oldest);
      return;
    }
  }
}
