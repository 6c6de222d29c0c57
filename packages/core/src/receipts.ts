import type { Channel } from "./channel.ts";
import type { ChannelRegistry } from "./channel-registry.ts";
import type { Cluster } from "./cluster/cluster.ts";
import { CONTROL, listOf } from "./control/control-question.ts";
import type { Clock, Timer } from "./ports/clock.ts";

/** Most events for which receipts are collected at a time on one node; further ones are answered as incomplete. */
const MAX_COLLECTING = 10_000;

/** Longest time for which receipts may be collected, in ms. */
export const MAX_RECEIPTS_MS = 30_000;

/** What a Receipts stands on. */
export interface ReceiptsOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly channels: ChannelRegistry;
}

interface Collection {
  /** Deliveries on this node; null until the event has come. */
  expected: number | null;
  readonly received: Set<number>;
  readonly timer: Timer;
  readonly resolve: () => void;
}

/**
 * Collects, on one gateway, which of the connections that an event was delivered to say that they have it. The publisher
 * asks for it just before it publishes, so that the question is here when the event comes.
 */
export class Receipts {
  readonly #options: ReceiptsOptions;
  readonly #collecting = new Map<string, Collection>();

  constructor(options: ReceiptsOptions) {
    this.#options = options;
    options.cluster.handle(CONTROL.receipts, (_from, body) => this.#collect(listOf(body)));
  }

  /** An event that wants receipts was delivered to so many connections here. */
  delivered({ appId, channel }: Channel, messageId: string, connections: number): void {
    const key = keyOf(appId, channel, messageId);
    const collection = this.#collecting.get(key);
    if (collection === undefined || collection.expected !== null) return;
    collection.expected = connections;
    this.#finishIfWhole(collection);
  }

  /** A connection says that it has it. What nobody waits for (any more) is passed over. */
  received({ appId, channel }: Channel, messageId: string, connection: number): void {
    const collection = this.#collecting.get(keyOf(appId, channel, messageId));
    if (collection === undefined) return;
    collection.received.add(connection);
    this.#finishIfWhole(collection);
  }

  /** Ends all collecting. */
  close(): void {
    for (const collection of [...this.#collecting.values()]) collection.resolve();
  }

  async #collect([appId, name, messageId, timeoutMs]: readonly unknown[]): Promise<readonly unknown[]> {
    const channel = this.#options.channels.find(String(appId), String(name));
    const hasSubscribers = channel?.subscribersByCodec.some((count) => count > 0) === true;
    if (!hasSubscribers) return [[0, 0, true]];
    const key = keyOf(String(appId), String(name), String(messageId));
    if (this.#collecting.has(key) || this.#collecting.size >= MAX_COLLECTING) return [[0, 0, false]];
    const { expected, received } = await this.#wait(key, Math.min(Number(timeoutMs) || 0, MAX_RECEIPTS_MS));
    return [[expected ?? 0, Math.min(received.size, expected ?? 0), expected !== null]];
  }

  #wait(key: string, timeoutMs: number): Promise<Collection> {
    return new Promise((resolve) => {
      const finish = () => {
        collection.timer.cancel();
        this.#collecting.delete(key);
        resolve(collection);
      };
      const timer = this.#options.clock.after(timeoutMs, finish);
      const collection: Collection = { expected: null, received: new Set(), timer, resolve: finish };
      this.#collecting.set(key, collection);
    });
  }

  #finishIfWhole({ expected, received, resolve }: Collection): void {
    if (expected !== null && received.size >= expected) resolve();
  }
}

function keyOf(appId: string, channel: string, messageId: string): string {
  // Neither of the first two has a slash.
  return `${appId}/${channel}/${messageId}`;
}
