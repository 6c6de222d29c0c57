import type { Dialect, Subscription } from "./dialect.ts";
import type { Control, Incoming } from "./incoming.ts";
import { CONTROL_EVENT } from "./incoming.ts";
import { findNumbered, readNumbered } from "./numbered.ts";
import type { LoadSettings } from "./settings.ts";

interface PusherFrame {
  readonly event?: string;
  readonly channel?: string;
  readonly data?: unknown;
}

/** The Pusher protocol. */
export class PusherDialect implements Dialect {
  readonly path: string;
  readonly subprotocol = null;
  readonly isBinary = false;
  readonly #payloadBytes: number;

  constructor({ key, payloadBytes }: Pick<LoadSettings, "key" | "payloadBytes">) {
    this.path = `/app/${encodeURIComponent(key)}?protocol=7&client=js&version=8.4.0&flash=false`;
    this.#payloadBytes = payloadBytes;
  }

  subscribe(subscriptions: readonly Subscription[]): readonly string[] {
    return subscriptions.map(({ channel, token, data }) =>
      JSON.stringify({ event: "pusher:subscribe", data: { channel, auth: token, channel_data: data } }),
    );
  }

  read(frame: string | ArrayBuffer): Incoming {
    if (typeof frame !== "string") return { type: "other" };
    const start = findNumbered(frame);
    if (start >= 0) return { type: "delivery", numbered: readNumbered(frame, start, this.#payloadBytes) };
    try {
      return read(JSON.parse(frame) as PusherFrame);
    } catch {
      // Not JSON, or data that isn't what the protocol says: nothing that was published.
      return { type: "delivery", numbered: null };
    }
  }
}

function read({ event, channel, data }: PusherFrame): Incoming {
  switch (event) {
    case "pusher:connection_established": {
      const { socket_id: connectionId } = JSON.parse(String(data)) as { socket_id: string };
      return { type: "welcome", connectionId };
    }
    case "pusher_internal:subscription_succeeded":
      return { type: "subscribed", channels: [channel ?? ""], refused: [] };
    case "pusher:subscription_error":
      return { type: "subscribed", channels: [], refused: [channel ?? ""] };
    case "pusher:error":
      return { type: "refused", code: String((data as { code?: unknown } | undefined)?.code) };
    case CONTROL_EVENT:
      return { type: "control", control: JSON.parse(String(data)) as Control };
    default:
      return { type: "other" };
  }
}
