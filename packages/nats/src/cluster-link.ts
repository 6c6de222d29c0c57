import type { ClusterLink } from "@carillon/core";
import type { MovableLink } from "./movable-link.ts";
import { SenderNumbers } from "./sender-numbers.ts";
import type { SubjectSpace } from "./subject.ts";

/** What a NatsClusterLink stands on. */
export interface NatsClusterLinkOptions {
  readonly space: SubjectSpace;
  readonly link: MovableLink;
  /** Resolves when all subscriptions of this moment stand. Rejects with BusUnavailableError. */
  readonly whenStanding: () => Promise<void>;
  /**
   * Hears that a broadcast got lost on its way, and so perhaps others' messages did, of the last `silentMs`: each node sends
   * one a second.
   */
  readonly onGap: (silentMs: number) => void;
}

/** Largest message, header included: what every nats-server takes by default. A larger one is not worth its latency. */
const MAX_BYTES = 1_048_576;

// u8 length of the sender's id, its id, f64 number of the message.
const NUMBER_BYTES = 8;
const MAX_ID_BYTES = 32;
const HEADER_BYTES = 1 + MAX_ID_BYTES + NUMBER_BYTES;

/**
 * The {@link ClusterLink} on core NATS. Each message carries its sender and a number that rises by one, apart for broadcasts and
 * for messages to one node: while the node moves to another server both connections bring it, and the second one must
 * not be heard; and a broadcast that is missing shows that servers were apart.
 */
export class NatsClusterLink implements ClusterLink {
  readonly #options: NatsClusterLinkOptions;
  readonly #broadcasts = new SenderNumbers();
  readonly #messages = new SenderNumbers();
  #nodeId = "";
  #lastBroadcast = 0;
  #lastMessage = 0;
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
      link.listen(space.ofCluster(null), (data) => this.#take(data, receive, true)),
      link.listen(space.ofCluster(nodeId), (data) => this.#take(data, receive, false)),
    ];
    try {
      await whenStanding();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  broadcast(message: Uint8Array): void {
    if (this.#canWrite) this.#write(this.#options.space.ofCluster(null), ++this.#lastBroadcast, message);
  }

  send(nodeId: string, message: Uint8Array): void {
    if (this.#canWrite) this.#write(this.#options.space.ofCluster(nodeId), ++this.#lastMessage, message);
  }

  /** How long ago any of those who are heard at all was heard last, in ms. */
  get longestSilenceMs(): number {
    return this.#broadcasts.longestSilenceMs(performance.now());
  }

  /** The connection was away: what was sent meanwhile doesn't count as missing. */
  forgive(): void {
    this.#broadcasts.forgive();
  }

  close(): void {
    for (const stop of this.#stop) stop();
    this.#stop = [];
  }

  get #canWrite(): boolean {
    return this.#stop.length > 0 && this.#options.link.isUp;
  }

  #write(subject: string, number: number, message: Uint8Array): void {
    const id = Buffer.from(this.#nodeId);
    const bytes = Buffer.allocUnsafe(1 + id.length + NUMBER_BYTES + message.length);
    bytes[0] = id.length;
    bytes.set(id, 1);
    bytes.writeDoubleBE(number, 1 + id.length);
    bytes.set(message, 1 + id.length + NUMBER_BYTES);
    this.#options.link.link.send(subject, bytes, {});
  }

  #take(data: Uint8Array, receive: (message: Uint8Array) => void, isBroadcast: boolean): void {
    const bodyAt = 1 + (data[0] ?? 0) + NUMBER_BYTES;
    if (data.length < bodyAt) return;
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const from = bytes.toString("latin1", 1, bodyAt - NUMBER_BYTES);
    if (from === this.#nodeId && isBroadcast) return;
    const number = bytes.readDoubleBE(bodyAt - NUMBER_BYTES);
    const verdict = (isBroadcast ? this.#broadcasts : this.#messages).take(from, number, performance.now());
    if (verdict.kind === "repeat") return;
    if (verdict.kind === "gap" && isBroadcast) this.#options.onGap(verdict.silentMs);
    receive(data.subarray(bodyAt));
  }
}
