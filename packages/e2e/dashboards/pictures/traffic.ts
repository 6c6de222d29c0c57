import { WebSocket } from "ws";
import { type Destination, type Stay, visit, type Way } from "./visitor.ts";

/** Where the traffic goes. */
export interface TrafficOptions {
  readonly apps: readonly (Destination & { readonly publishSecret: string })[];
  /** Origin of the publish API. */
  readonly publishUrl: string;
  /** Visitors that are there at a time. */
  readonly visitors: number;
}

const WAYS: readonly Way[] = ["native", "native", "native", "native", "pusher", "pusher", "pusher", "sse", "poll"];
const ROOMS = 12;
const STAY_MS = { least: 8_000, more: 50_000 };
const TICK_MS = 250;

/** Light traffic of all kinds on a cluster: visitors who come and go, events that come in waves, and some of what goes wrong. */
export class Traffic implements AsyncDisposable {
  readonly #options: TrafficOptions;
  readonly #visitors: Promise<void>[];
  readonly #stays = new Set<Stay>();
  readonly #timer: NodeJS.Timeout;
  #isOver = false;
  #ticks = 0;

  private constructor(options: TrafficOptions) {
    this.#options = options;
    this.#visitors = Array.from({ length: options.visitors }, (_, number) => this.#comeAndGo(number));
    this.#timer = setInterval(() => void this.#tick(), TICK_MS);
  }

  /** Begins, and goes on until it is disposed of. */
  static begin(options: TrafficOptions): Traffic {
    return new Traffic(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    await Promise.all([...this.#stays].map((stay) => stay[Symbol.asyncDispose]()));
    await Promise.all(this.#visitors);
  }

  /** One visitor: there for a while, away for a moment, and again. */
  async #comeAndGo(number: number): Promise<void> {
    const { apps } = this.#options;
    const to = apps[number % 4 === 0 ? apps.length - 1 : 0];
    if (to === undefined) return;
    const way = WAYS[number % WAYS.length] ?? "native";
    const room = number % ROOMS;
    const channels = [`orders-${room}`, "news", `presence-room-${room % 3}`];
    await pause(number * 60);
    while (!this.#isOver) {
      // Who is refused, or sent away while it subscribes, tries again like everybody.
      await this.#stay(() => visit(way, to, { number, channels })).catch(() => undefined);
      await pause(300 + Math.random() * 700);
    }
  }

  async #stay(come: () => Promise<Stay>): Promise<void> {
    const stay = await come();
    this.#stays.add(stay);
    await Promise.race([stay.ended, pause(STAY_MS.least + Math.random() * STAY_MS.more)]);
    this.#stays.delete(stay);
    await stay[Symbol.asyncDispose]();
  }

  async #tick(): Promise<void> {
    this.#ticks++;
    // A wave of a minute and a half.
    const events = 2 + Math.round(2 * Math.sin((this.#ticks * TICK_MS * 2 * Math.PI) / 90_000));
    for (let index = 0; index < events; index++) {
      const channel = index === 0 ? "news" : `orders-${Math.floor(Math.random() * ROOMS)}`;
      await this.#publish({ channel, event: "e", payload: { at: Date.now(), text: "x".repeat(200) } });
    }
    if (this.#ticks % 20 === 0) await this.#publish({ channel: "orders-1", event: "e", payload: 1, id: "the-same" });
    if (this.#ticks % 30 === 0) await this.#publish({ channel: "news", event: "e", payload: 1 }, "a-wrong-secret");
    if (this.#ticks % 50 === 0) this.#goAstray();
  }

  async #publish(body: unknown, secret?: string): Promise<void> {
    const { apps, publishUrl } = this.#options;
    const app = apps[Math.random() < 0.7 ? 0 : apps.length - 1];
    const headers = { "content-type": "application/json", "x-publish-secret": secret ?? app?.publishSecret ?? "" };
    // What a publisher that is away answers is on the dashboards.
    await fetch(`${publishUrl}/publish`, { method: "POST", headers, body: JSON.stringify(body) }).catch(
      () => undefined,
    );
  }

  /** Asks for an address that nobody serves: refused. */
  #goAstray(): void {
    const lost = new WebSocket(`ws://${this.#options.apps[0]?.balancer}/nowhere`);
    lost.on("error", () => undefined);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
