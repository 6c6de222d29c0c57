/** The event name of everything that the bench publishes. */
export const EVENT = "tick";

/** Length of a payload as JSON text, in bytes: no delivery is shorter. */
export const PAYLOAD_BYTES = 128;

/** The channel that all subscribers share in the fan-out scenarios. */
export const SHARED_CHANNEL = "bench-shared";

/** The channel of its own of subscriber `index`. All names are equally long, so all requests are. */
export function ownChannel(index: number): string {
  return `bench-${String(index).padStart(6, "0")}`;
}

/** A clock that all processes of this machine share, in whole microseconds. */
export function nowUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanoseconds / 1000);
}

// Digits are padded, as a JSON string, to give every payload the same length.
const PADDING = "x".repeat(PAYLOAD_BYTES - `{"at":"${"0".repeat(16)}","pad":""}`.length);

/** The JSON text of a payload with the time of sending, of {@link PAYLOAD_BYTES}. */
export function payloadText(): string {
  return `{"at":"${String(nowUs()).padStart(16, "0")}","pad":"${PADDING}"}`;
}

/** A publish: `{channel, event, payload}` with such a payload. */
export function publishBody(channel: string): string {
  return `{"channel":"${channel}","event":"${EVENT}","payload":${payloadText()}}`;
}

/** How long a delivered payload was under way, in microseconds; null when it isn't what was published. */
export function latencyOfPayload(payload: unknown): number | null {
  if (typeof payload !== "object" || payload === null) return null;
  const { at, pad } = payload as { at?: unknown; pad?: unknown };
  if (typeof at !== "string" || pad !== PADDING) return null;
  return nowUs() - Number(at);
}
