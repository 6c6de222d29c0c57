import { clearInterval, setInterval } from "k6/timers";
import type { Channels } from "./channels.ts";
import type { Client } from "./client.ts";
import { NUMBERED_EVENT } from "./incoming.ts";
import type { Meter } from "./meter.ts";
import { numberedText } from "./numbered.ts";
import type { Publisher } from "./publisher.ts";
import type { LoadSettings } from "./settings.ts";

const TICK_MS = 20;
/** Publishes of one thread that may be unanswered. */
const MOST_OUTSTANDING = 256;

interface OwnPublishesOptions {
  readonly clients: readonly Client[];
  readonly settings: LoadSettings;
  readonly channels: Channels;
  readonly meter: Meter;
  readonly publisher: Publisher;
}

/** Publishes to the clients of a crowd, to each on its own channel, one after the other. */
export class OwnPublishes {
  readonly #options: OwnPublishesOptions;
  /** By client: how many were published, and how many of those were refused. */
  readonly #published = new Map<Client, number>();
  readonly #refused = new Map<Client, number>();
  #next = 0;
  #outstanding = 0;
  #timer: number | null = null;

  constructor(options: OwnPublishesOptions) {
    this.#options = options;
  }

  /** True when nothing is on its way and nothing will be. */
  get isDone(): boolean {
    return this.#timer === null && this.#outstanding === 0;
  }

  /** How many publications a client should have got in this phase. */
  expectedOf(client: Client): number {
    return this.#published.get(client) ?? 0;
  }

  /** How many of them were refused, so that nobody owes them. */
  refusedOf(client: Client): number {
    return this.#refused.get(client) ?? 0;
  }

  /** Forgets the phase before. */
  reset(): void {
    this.stop();
    this.#published.clear();
    this.#refused.clear();
  }

  /** Begins. A crowd has its share of the whole rate. */
  start({ phase, seconds }: { readonly phase: number; readonly seconds: number }): void {
    const { clients, settings } = this.#options;
    const perMs = (settings.unicastRate * clients.length) / settings.clients / 1_000;
    const beganMs = Date.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const passedMs = Date.now() - beganMs;
      if (passedMs >= seconds * 1_000) {
        this.stop();
        return;
      }
      const due = Math.min(perMs * passedMs - sent, MOST_OUTSTANDING - this.#outstanding);
      for (let each = 1; each <= due; each++, sent++) void this.#publish(phase);
    }, TICK_MS);
  }

  /** Publishes nothing more. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #publish(phase: number): Promise<void> {
    const { clients, settings, channels, meter, publisher } = this.#options;
    const client = clients[this.#next++ % clients.length];
    if (client === undefined) return;
    const number = this.expectedOf(client) + 1;
    // Before the answer: the event may be faster.
    this.#published.set(client, number);
    this.#outstanding++;
    const numbered = { kind: "O", phase, number, atMs: Date.now(), target: client.index } as const;
    const payload = numberedText(numbered, settings.payloadBytes);
    const outcome = await publisher.publish({ channel: channels.own(client.index), event: NUMBERED_EVENT, payload });
    this.#outstanding--;
    if (outcome !== "published") this.#refused.set(client, this.refusedOf(client) + 1);
    meter.publish(outcome);
  }
}
