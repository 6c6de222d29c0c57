import { EVENT, latencyOfPayload } from "./payload.ts";

/** What a subscriber says and understands of its protocol: as much as the bench needs. */
export interface Dialect {
  /** The text that subscribes to a channel. */
  subscribe(channel: string): string;
  /** True for the text that says that a subscription stands. */
  isSubscribed(text: string): boolean;
  /** Checks a delivered frame; how long it was under way, in microseconds, or null when it isn't what was published. */
  latencyOf(text: string, channel: string): number | null;
}

/** Name of a {@link Dialect}. */
export type DialectName = "native" | "pusher";

/** The dialects, by name. The baselines speak `native`. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  native: {
    subscribe: (channel) => `{"type":"subscribe","channel":"${channel}"}`,
    isSubscribed: (text) => fieldsOf(text)["type"] === "subscribed",
    latencyOf: (text, channel) => {
      const { channel: heard, event, payload } = fieldsOf(text);
      return heard === channel && event === EVENT ? latencyOfPayload(payload) : null;
    },
  },
  pusher: {
    subscribe: (channel) => `{"event":"pusher:subscribe","data":{"channel":"${channel}"}}`,
    isSubscribed: (text) => fieldsOf(text)["event"] === "pusher_internal:subscription_succeeded",
    latencyOf: (text, channel) => {
      const { channel: heard, event, data } = fieldsOf(text);
      // Its data is the payload's JSON text, as a string.
      const isOurs = heard === channel && event === EVENT && typeof data === "string";
      return isOurs ? latencyOfPayload(JSON.parse(data)) : null;
    },
  },
};

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  const frame: unknown = JSON.parse(text);
  return typeof frame === "object" && frame !== null ? (frame as Record<string, unknown>) : {};
}
