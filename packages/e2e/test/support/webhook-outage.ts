import { TestEndpoint } from "@carillon/testkit";
import type { CarillonProcess } from "./carillon-process.ts";
import { WebhookCluster } from "./webhook-cluster.ts";
import { WebhookGuest, webhookConfig } from "./webhook-guest.ts";

/** Each channel belongs to one guest, so its events have an order. */
const CHANNELS = 6;
const EVENTS_AT_ONCE = 60;

/** Below the ports that systems give away by themselves: nobody takes it while nobody listens on it. */
const PORTS = { from: 20_000, count: 10_000 } as const;

/** Something that was sent, as the endpoint has to be told of it. */
interface Sent {
  readonly channel: string;
  readonly data: string;
}

/** A cluster whose one webhook endpoint refuses connections, from its first event on. */
export class WebhookOutage implements AsyncDisposable {
  readonly gateways: readonly CarillonProcess[];
  readonly workers: readonly [CarillonProcess, CarillonProcess];
  readonly channels: readonly string[];
  readonly sent: Sent[] = [];
  readonly #port: number;
  readonly #cluster: WebhookCluster;
  readonly #guests: readonly WebhookGuest[];

  private constructor(
    port: number,
    cluster: WebhookCluster,
    parts: Pick<WebhookOutage, "gateways" | "workers"> & { readonly guests: readonly WebhookGuest[] },
  ) {
    this.#port = port;
    this.#cluster = cluster;
    this.gateways = parts.gateways;
    this.workers = parts.workers;
    this.#guests = parts.guests;
    this.channels = Array.from({ length: CHANNELS }, (_, index) => `private-${index}`);
  }

  /** Starts two gateways and two workers, and has the first events told to nobody. */
  static async begin(): Promise<WebhookOutage> {
    const port = await freePort();
    const config = webhookConfig(`http://127.0.0.1:${port}/webhook`, { events: "client_event" });
    const cluster = await WebhookCluster.start(config);
    try {
      const gateways = [await cluster.add("gateway"), await cluster.add("gateway")];
      const workers = [await cluster.add("webhooks"), await cluster.add("webhooks")] as const;
      const guests = await Promise.all(gateways.map((gateway) => WebhookGuest.open(gateway)));
      const outage = new WebhookOutage(port, cluster, { gateways, workers, guests });
      for (const channel of outage.channels) await outage.#guestOf(channel).subscribe(channel);
      await outage.sendAll();
      return outage;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Sends some more events, to each channel in turn; resolves when the gateways have accepted all. */
  async sendAll(): Promise<void> {
    for (let index = 0; index < EVENTS_AT_ONCE; index++) {
      const number = this.sent.length;
      const channel = this.channels[number % CHANNELS] as string;
      await this.#guestOf(channel).send(channel, "client-n", number);
      this.sent.push({ channel, data: String(number) });
    }
  }

  /** The endpoint is back. */
  end(): Promise<TestEndpoint> {
    return TestEndpoint.start(this.#port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const guest of this.#guests) await guest[Symbol.asyncDispose]();
    await this.#cluster[Symbol.asyncDispose]();
  }

  #guestOf(channel: string): WebhookGuest {
    return this.#guests[this.channels.indexOf(channel) % this.#guests.length] as WebhookGuest;
  }
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count);
    try {
      const endpoint = await TestEndpoint.start(port);
      await endpoint[Symbol.asyncDispose]();
      return port;
    } catch {
      // Taken: another one then.
    }
  }
}
