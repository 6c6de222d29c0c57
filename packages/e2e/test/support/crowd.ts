import { NativeClient } from "@carillon/testkit";
import type { CarillonProcess } from "./carillon-process.ts";

const AT_ONCE = 200;
const WITHIN_MS = 30_000;

/** Many clients, spread evenly over some gateways, and a count of what they got by channel. */
export class Crowd {
  readonly #clients: readonly NativeClient[];

  private constructor(clients: readonly NativeClient[]) {
    this.#clients = clients;
  }

  /** Connects `count` clients, a few hundred at a time. */
  static async connect(gateways: readonly CarillonProcess[], count: number): Promise<Crowd> {
    const clients = await inBatches(count, (member) => {
      const gateway = gateways[member % gateways.length] as CarillonProcess;
      return NativeClient.open(gateway.webSocketUrl);
    });
    return new Crowd(clients);
  }

  /** Subscribes each member to the channels named for it, and waits until all stand. */
  async subscribe(channelsOf: (member: number) => readonly string[]): Promise<void> {
    await inBatches(this.#clients.length, async (member) => {
      const client = this.#clients[member] as NativeClient;
      for (const channel of channelsOf(member)) await client.subscribe(channel);
    });
  }

  /** Waits until the number of events that the whole crowd got, by channel, is as wanted. */
  async untilEvents(isReached: (counts: ReadonlyMap<string, number>) => boolean): Promise<void> {
    const deadline = Date.now() + WITHIN_MS;
    for (;;) {
      const counts = this.#counts();
      if (isReached(counts)) return;
      if (Date.now() > deadline) throw new Error(`not reached; events by channel: ${JSON.stringify([...counts])}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  get size(): number {
    return this.#clients.length;
  }

  /** How the connections of all of them were closed, once all are. */
  async closeCodes(): Promise<ReadonlySet<number>> {
    const closed = await Promise.all(this.#clients.map((client) => client.closed));
    return new Set(closed.map(({ code }) => code));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.terminate();
    await Promise.all(this.#clients.map((client) => client.closed));
  }

  #counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const client of this.#clients) {
      for (const { channel } of client.deliveries) counts.set(channel, (counts.get(channel) ?? 0) + 1);
    }
    return counts;
  }
}

async function inBatches<T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let start = 0; start < count; start += AT_ONCE) {
    const indexes = Array.from({ length: Math.min(AT_ONCE, count - start) }, (_, offset) => start + offset);
    results.push(...(await Promise.all(indexes.map(act))));
  }
  return results;
}
