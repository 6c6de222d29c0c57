import type { Position } from "@carillon/core";
import type { NatsBus } from "@carillon/nats";
import { encodeEnvelope } from "@carillon/protocol";

/** The app of the bench, as {@link carillonConfig} names it. */
export const APP_ID = "1001";

/** Appends under way at once. */
const AT_ONCE = 256;

const encoder = new TextEncoder();

/** What to write. */
export interface Filling {
  readonly bus: NatsBus;
  /** Channels, by index. */
  readonly channels: number;
  readonly channelName: (index: number) => string;
  /** Numbers of the events of each channel: from `first`, so many. */
  readonly first: number;
  readonly perChannel: number;
  /** Length of each payload as JSON text. */
  readonly payloadBytes: number;
  /** Limits of the channels, as their rule says. */
  readonly limits: { readonly messages: number; readonly maxAgeMs: number };
  /** Hears where each event stands. */
  readonly onKept?: (channel: number, number: number, position: Position) => void;
}

/**
 * Appends events to many channels, through the code that publishers use. Channels take turns, as they would in life: the
 * events of one lie far apart in the stream. Rejects when one can't be kept.
 */
export async function fillHistories(filling: Filling): Promise<void> {
  const { channels, first, perChannel } = filling;
  const total = channels * perChannel;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < total) {
      const at = next++;
      await appendOne(filling, at % channels, first + Math.floor(at / channels));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, channels) }, worker));
}

async function appendOne(filling: Filling, index: number, number: number): Promise<void> {
  const { bus, channelName, payloadBytes, limits, onKept } = filling;
  const channel = channelName(index);
  const id = `${index}-${number}`;
  const payload = encoder.encode(numberedPayload(number, payloadBytes));
  const envelope = encodeEnvelope({ id, timeMs: Date.now(), exclude: "", event: "tick", payload });
  const { position } = await bus.history.append({ appId: APP_ID, channel }, envelope, { limits, idempotencyKey: id });
  onKept?.(index, number, position);
}

/** `{"number":…,"pad":"…"}` in so many bytes. */
export function numberedPayload(number: number, bytes: number): string {
  const bare = `{"number":${number},"pad":""}`;
  return `{"number":${number},"pad":"${"x".repeat(Math.max(0, bytes - bare.length))}"}`;
}
