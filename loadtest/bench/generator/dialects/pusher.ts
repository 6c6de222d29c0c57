import type { Dialect } from "../dialect.ts";
import { EVENT, latencyOfPayload } from "../payload.ts";
import { fieldsOf, parsed } from "./fields.ts";

/** As pusher-js does with the `activity_timeout` that servers of our kind announce. */
const PING_AFTER_MS = 30_000;

const SIGNS_OF_LIFE: ReadonlySet<unknown> = new Set(["pusher:ping", "pusher:pong"]);

/** Protocol 7 of Pusher. */
export const pusher: Dialect = {
  hello: null,
  separator: null,
  keepAlive: { text: '{"event":"pusher:ping","data":{}}', afterMs: PING_AFTER_MS },
  isWelcome: (text) => fieldsOf(text)["event"] === "pusher:connection_established",
  isSignOfLife: (text) => SIGNS_OF_LIFE.has(fieldsOf(text)["event"]),
  answerTo: (text) => (fieldsOf(text)["event"] === "pusher:ping" ? '{"event":"pusher:pong","data":{}}' : null),
  subscribe: (channel) => `{"event":"pusher:subscribe","data":{"channel":"${channel}"}}`,
  isSubscribed: (text) => fieldsOf(text)["event"] === "pusher_internal:subscription_succeeded",
  latencyOf: (text, channel) => {
    const { channel: heard, event, data } = fieldsOf(text);
    // Its data is the payload's JSON text, as a string.
    const isOurs = heard === channel && event === EVENT && typeof data === "string";
    return isOurs ? latencyOfPayload(parsed(data)) : null;
  },
};
