import { createRequire } from "node:module";
import { RealtimeClient, type WebSocketConstructor } from "@carillon/client";
import { enableRecovery } from "@carillon/pusher-recovery";
import { Numbered } from "./numbered.ts";
import { sourceHost } from "./sourced-socket.ts";
import type { Tally } from "./tally.ts";

type PusherJsClass = typeof import("pusher-js")["default"];
// Its declarations know no named export of the build for Node.
const Pusher = createRequire(import.meta.url)("pusher-js") as PusherJsClass;

/** Who a client is, and what it listens to. */
export interface MemberOptions {
  readonly number: number;
  readonly key: string;
  readonly kind: "native" | "pusher";
  readonly historyChannel: string;
  readonly plainChannel: string;
  readonly tally: Tally;
  readonly WebSocket: WebSocketConstructor;
}

/** One client, with the real library, on one channel with a history and one without. */
export class CrowdMember {
  readonly history: Numbered;
  readonly plain: Numbered;
  readonly #options: MemberOptions;
  readonly #standing = new Set<string>();
  readonly #close: () => void;
  #lostAtMs: number | null = null;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.history = new Numbered(options.tally, true);
    this.plain = new Numbered(options.tally, false);
    this.#close = options.kind === "native" ? this.#startNative() : this.#startPusher();
  }

  get historyChannel(): string {
    return this.#options.historyChannel;
  }

  get plainChannel(): string {
    return this.#options.plainChannel;
  }

  get isStanding(): boolean {
    return this.#standing.size === 2;
  }

  /** Its connection has ended. */
  onLost(): void {
    this.#standing.clear();
    this.#lostAtMs ??= performance.now();
  }

  close(): void {
    this.#close();
  }

  #onSubscribed(channel: string): void {
    this.#standing.add(channel);
    if (!this.isStanding || this.#lostAtMs === null) return;
    this.#options.tally.downtimesMs.push(Math.round(performance.now() - this.#lostAtMs));
    this.#lostAtMs = null;
  }

  #startNative(): () => void {
    const { number, key, WebSocket } = this.#options;
    const client = new RealtimeClient(key, {
      host: `ws://${sourceHost(number)}`,
      WebSocket,
      transports: ["websocket"],
    });
    for (const [name, numbered] of this.#channels()) {
      const channel = client.subscribe(name);
      channel.bind("numbered", (payload: unknown) => numbered.onNumber((payload as { number: number }).number));
      channel.on("gap", ({ reason }) => numbered.onGap(reason));
      channel.on("subscribed", ({ wasRecovered }) => {
        if (wasRecovered) numbered.onRecovered();
        this.#onSubscribed(name);
      });
    }
    return () => client.close();
  }

  #startPusher(): () => void {
    const { number, key } = this.#options;
    const host = { wsHost: sourceHost(number), wsPort: 80, forceTLS: false, enabledTransports: ["ws" as const] };
    const client = new Pusher(key, { cluster: "any", ...host });
    const failed = new Set<string>();
    enableRecovery(client, {
      onFailure: ({ channel, reason }) => {
        failed.add(channel);
        if (channel === this.historyChannel) this.history.onGap(reason);
      },
    });
    for (const [name, numbered] of this.#channels()) {
      const channel = client.subscribe(name);
      channel.bind("numbered", ({ number }: { number: number }) => numbered.onNumber(number));
      channel.bind("pusher:subscription_succeeded", () => {
        if (!failed.delete(name) && name === this.historyChannel) numbered.onRecovered();
        this.#onSubscribed(name);
      });
    }
    return () => client.disconnect();
  }

  #channels(): readonly (readonly [name: string, numbered: Numbered])[] {
    return [
      [this.historyChannel, this.history],
      [this.plainChannel, this.plain],
    ];
  }
}

/** Makes all clients of pusher-js in this process use a WebSocket class. */
export function setPusherSockets(WebSocket: WebSocketConstructor): void {
  const { Runtime } = Pusher as unknown as { readonly Runtime: { createWebSocket: (url: string) => unknown } };
  Runtime.createWebSocket = (url) => new WebSocket(url);
}
