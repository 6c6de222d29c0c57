import type { Subscription } from "./dialect.ts";
import type { Control, Incoming, Report } from "./incoming.ts";
import { CONTROL_EVENT, REPORT_EVENT } from "./incoming.ts";
import { readNumbered } from "./numbered.ts";

/** Frames of the native protocol that a load test looks into, as they stand on the wire. */
export interface NativeFrame {
  readonly type?: string;
  readonly event?: string;
  readonly payload?: unknown;
  readonly position?: string;
  readonly connectionId?: string;
  readonly channel?: string;
  readonly channels?: readonly string[];
  readonly errors?: readonly { readonly channel?: string }[];
  readonly histories?: readonly { readonly position?: string; readonly recovered?: boolean }[];
  readonly presences?: readonly { readonly count?: number }[];
  readonly publications?: readonly unknown[];
  readonly count?: number;
  readonly delayMs?: number;
  readonly code?: string;
}

/** The one command that subscribes to several channels. */
export function subscribeCommand(subscriptions: readonly Subscription[]): object {
  return { type: "subscribe", channels: subscriptions };
}

/** What a decoded frame says. */
export function readNative(frame: NativeFrame, payloadBytes: number): Incoming {
  if (frame.event !== undefined) return readDelivery(frame, payloadBytes);
  switch (frame.type) {
    case "welcome":
      return { type: "welcome", connectionId: frame.connectionId ?? "" };
    case "subscribed":
      return readSubscribed(frame);
    case "history":
      return { type: "history", count: frame.publications?.length ?? 0 };
    case "members":
      return { type: "members", count: frame.count ?? 0 };
    case "reconnect":
      return { type: "reconnect", delayMs: frame.delayMs ?? 0 };
    case "error":
      return { type: "refused", code: frame.code ?? "" };
    default:
      return { type: "other" };
  }
}

function readDelivery({ event, payload, position }: NativeFrame, payloadBytes: number): Incoming {
  if (event === CONTROL_EVENT) return { type: "control", control: payload as Control };
  if (event === REPORT_EVENT) return { type: "report", report: payload as Report };
  const numbered = typeof payload === "string" ? readNumbered(payload, 0, payloadBytes) : null;
  return { type: "delivery", numbered, ...(position === undefined ? {} : { position }) };
}

function readSubscribed(frame: NativeFrame): Incoming {
  const [history] = frame.histories ?? [];
  const [presence] = frame.presences ?? [];
  return {
    type: "subscribed",
    channels: frame.channels ?? (frame.channel === undefined ? [] : [frame.channel]),
    refused: (frame.errors ?? []).map(({ channel }) => channel ?? ""),
    ...(history?.recovered === undefined ? {} : { wasRecovered: history.recovered }),
    ...(history?.position === undefined ? {} : { position: history.position }),
    ...(presence?.count === undefined ? {} : { memberCount: presence.count }),
  };
}
