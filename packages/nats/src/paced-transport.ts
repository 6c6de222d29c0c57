import type { ConnectionOptions, NatsConnection } from "nats";
// The client has no way to hold back what it reads, and chooses its transport by this hook alone; its version is pinned exactly.
import { deferred, NatsConnectionImpl, setTransportFactory } from "nats/lib/src/nats-base-client.js";
import { NodeTransport, nodeResolveHost } from "nats/lib/src/node_transport.js";
import { parseQuickly } from "./quick-parser.ts";
import { stayClosed } from "./stay-closed.ts";

/**
 * How much of what NATS sends is worked on in one turn of the event loop, in bytes; what comes in one read is never split.
 *
 * A read brings up to 64 KiB, and without this a turn takes up to 32 of them: 10,000 small messages. Each of a channel costs
 * every 32nd time a write to each of its subscribers, which for 3,000 of them made turns of ten seconds and more, in which
 * no ping was answered and no backpressure let go. In one read there are still enough messages to be written together.
 */
export const TURN_BYTES = 64 * 1024;

/**
 * Reads no further than a turn's worth until the loop has been round; meanwhile NATS keeps the rest. The client's own way to hand over what it
 * reads, by generators within each other, makes 11 promises for each read where this makes 5, and takes a µs more (measured: 3.2 and 2.1).
 */
class PacedTransport extends NodeTransport {
  #taken = 0;
  #isGivenUp = false;

  override async connect(...where: Parameters<NodeTransport["connect"]>): Promise<void> {
    await super.connect(...where);
    if (this.#isGivenUp) this.#vanish();
  }

  /**
   * The client's own does nothing before it is connected. One that a server takes late (which was frozen, or cut off) would stand beside the
   * next one, and the client would take its end for that of the one in use: it connects anew, and hears everything twice.
   */
  override async close(error?: Error): Promise<void> {
    if (this.connected) return await super.close(error);
    this.#isGivenUp = true;
    this.#vanish();
  }

  /** Ends it without a word to the client. */
  #vanish(): void {
    this.done = true;
    this.socket?.destroy();
  }

  override iterate(): AsyncIterableIterator<Uint8Array> {
    const reads = { next: () => this.#next(), [Symbol.asyncIterator]: () => reads };
    return reads;
  }

  /** The client has worked on a chunk when it asks for the next one. */
  async #next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#taken >= TURN_BYTES) await this.#turn();
    for (;;) {
      const value = this.yields.shift();
      if (value !== undefined) {
        this.#taken += value.length;
        return { value, done: false };
      }
      if (this.done) return { value: undefined, done: true };
      this.signal = deferred();
      await this.signal;
    }
  }

  async #turn(): Promise<void> {
    this.#taken = 0;
    this.socket?.pause();
    await new Promise((resolve) => setImmediate(resolve));
    this.socket?.resume();
  }
}

/** Connects as the client's own `connect` does, over a connection that is read quickly and never takes the event loop for long. */
export async function connectPaced(options: ConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: () => new PacedTransport(), dnsResolveFn: nodeResolveHost });
  const connection = await NatsConnectionImpl.connect(options);
  parseQuickly(connection);
  stayClosed(connection);
  return connection;
}
